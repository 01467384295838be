/**
 * Check of Tailscale, if it is installed: it runs, and Funnel leads to the gateway.
 *
 * @module
 */
import { type Check, failed, type Finding, ok, skipped, warning } from "../check.ts";
import type { DoctorContext } from "../context.ts";
import {
  findFunnelRoute,
  FUNNEL_STATUS,
  type FunnelRoute,
  funnelUrl,
  parseTailscaleStatus,
  runTailscale,
  TAILSCALE_STATUS,
  type TailscaleStatus,
} from "../tailscale.ts";
import { FUNNEL_ON, isTailnetName } from "../tunnel.ts";

const DAY_MS = 86_400_000;

/** Time before the expiry of the machine's key from which a warning is due, in days. */
const NOTICE_DAYS = 14;

const STATES: Readonly<Record<string, readonly [string, string]>> = {
  NeedsLogin: ["This machine is not logged in to Tailscale", "Log in: sudo tailscale up"],
  NeedsMachineAuth: [
    "This machine needs the approval of the tailnet's administrator",
    "Approve it: https://login.tailscale.com/admin/machines",
  ],
  Stopped: ["Tailscale is turned off", "Turn it on: sudo tailscale up"],
};

/** Check of Tailscale and its Funnel. */
export const TAILSCALE: Check = {
  name: "tailscale",
  async run(context, signal) {
    const { config, machine } = context;
    const url = config.server.publicUrl;
    if (url !== undefined && !isTailnetName(url.hostname)) {
      return skipped("Not used: PUBLIC_URL is not a Tailscale name");
    }
    // Without a public URL, nothing depends on Tailscale.
    const problem = url === undefined ? warning : failed;
    const outputs = await Promise.all([
      runTailscale(machine, { args: TAILSCALE_STATUS, signal }),
      runTailscale(machine, { args: FUNNEL_STATUS, signal }),
    ]);
    if (signal.aborted) {
      return problem("Tailscale's daemon does not answer", "Restart it: sudo systemctl restart tailscaled");
    }
    const [output, funnel] = outputs;
    if (typeof output === "string") return skipped(output);
    const status = parseTailscaleStatus(output.stdout);
    if (output.code !== 0 && status === undefined) {
      return problem("Tailscale's daemon does not run", "Start it: sudo systemctl enable --now tailscaled");
    }
    if (status === undefined) return skipped("The output of tailscale has an unknown format");
    const finding = findProblem(status, context, problem);
    if (finding !== undefined) return finding;
    const route = findFunnelRoute(typeof funnel === "string" ? "" : funnel.stdout, config.server.port);
    return withExpiry(reportFunnelRoute(route, status, url), status, context.now());
  },
};

function findProblem(
  { state, expires, isExpired }: TailscaleStatus,
  { now }: DoctorContext,
  problem: typeof warning,
): Finding | undefined {
  const known = STATES[state];
  if (known !== undefined) return problem(...known);
  if (isExpired || (expires !== undefined && expires <= now())) {
    return problem("This machine's key for Tailscale has expired", "Renew it: sudo tailscale up --force-reauth");
  }
  if (state === "Running") return undefined;
  return problem(`Tailscale is not connected: its state is "${state}"`, "Wait a moment; then: sudo tailscale up");
}

function reportFunnelRoute(route: FunnelRoute | undefined, { name }: TailscaleStatus, url: URL | undefined): Finding {
  const runs = name === undefined ? "Runs" : `Runs as ${name}`;
  if (route === undefined) {
    if (url === undefined) return ok(`${runs}; Funnel does not lead to the gateway`);
    // Without TLS, phones in the tailnet connect to the port itself.
    if (url.protocol === "http:") return ok(`${runs}; only the tailnet leads to the gateway`);
    return failed(`${runs}, and Funnel does not lead to the gateway's port`, FUNNEL_ON);
  }
  if (!route.isPublic) {
    return warning(`${runs}, and leads to the gateway only for the tailnet's own devices`, FUNNEL_ON);
  }
  if (url !== undefined && route.host !== `${url.hostname}:${url.port || 443}`) {
    const address = funnelUrl(route);
    return warning(
      `Funnel leads from ${address} to the gateway, and PUBLIC_URL is another one`,
      `Set PUBLIC_URL=${address}`,
    );
  }
  return ok(`${runs}; Funnel leads to the gateway`);
}

/** Adds a warning about the key's expiry to a route that still works. */
function withExpiry(finding: Finding, { expires }: TailscaleStatus, now: number): Finding {
  if (finding.status !== "ok" || expires === undefined || expires - now > NOTICE_DAYS * DAY_MS) return finding;
  return warning(
    `This machine's key for Tailscale expires in ${Math.floor((expires - now) / DAY_MS)} d`,
    "Renew it: sudo tailscale up --force-reauth; or disable its expiry: https://login.tailscale.com/admin/machines",
  );
}
