/**
 * Whether Tailscale runs, and Funnel leads to the gateway; where Tailscale is installed.
 *
 * @module
 */
import type { Check } from "../check.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";
import type { DoctorContext } from "../context.ts";
import { FUNNEL_STATUS, runTailscale, TAILSCALE_STATUS } from "../run_tailscale.ts";
import {
  findFunnelRoute,
  type FunnelRoute,
  funnelUrl,
  parseTailscaleStatus,
  type TailscaleStatus,
} from "../tailscale_status.ts";
import { FUNNEL_ON, isTailnetName } from "../tunnel.ts";

const DAY_MS = 86_400_000;

/** How long before its end the machine's key is told of, in days. */
const NOTICE_DAYS = 14;

const STATES: Readonly<Record<string, readonly [string, string]>> = {
  NeedsLogin: ["This machine is not logged in to Tailscale", "Log in: sudo tailscale up"],
  NeedsMachineAuth: [
    "This machine waits for the approval of the tailnet's administrator",
    "Approve it: https://login.tailscale.com/admin/machines",
  ],
  Stopped: ["Tailscale is switched off", "Switch it on: sudo tailscale up"],
};

/** Tailscale and its Funnel. */
export const TAILSCALE: Check = {
  name: "tailscale",
  async run(house, signal) {
    const { config, machine } = house;
    const url = config.server.publicUrl;
    if (url !== undefined && !isTailnetName(url.hostname)) return skipped("Not used: PUBLIC_URL leads another way");
    // Without a public address, nobody depends on it.
    const bad = url === undefined ? warning : failed;
    const outputs = await Promise.all([
      runTailscale(machine, { args: TAILSCALE_STATUS, signal }),
      runTailscale(machine, { args: FUNNEL_STATUS, signal }),
    ]);
    if (signal.aborted) {
      return bad("Tailscale's daemon does not answer", "Restart it: sudo systemctl restart tailscaled");
    }
    const [told, funnel] = outputs;
    if (typeof told === "string") return skipped(told);
    const status = parseTailscaleStatus(told.stdout);
    if (told.code !== 0 && status === undefined) {
      return bad("Tailscale's daemon does not run", "Start it: sudo systemctl enable --now tailscaled");
    }
    if (status === undefined) return skipped("Tailscale answers in a form that the doctor does not know");
    const fault = faultOf(status, house, bad);
    if (fault !== undefined) return fault;
    const way = findFunnelRoute(typeof funnel === "string" ? "" : funnel.stdout, config.server.port);
    return withExpiry(reportFunnelRoute(way, status, url), status, house.now());
  },
};

function faultOf(
  { state, expires, isExpired }: TailscaleStatus,
  { now }: DoctorContext,
  bad: typeof warning,
): Finding | undefined {
  const known = STATES[state];
  if (known !== undefined) return bad(...known);
  if (isExpired || (expires !== undefined && expires <= now())) {
    return bad("This machine's key for Tailscale has expired", "Renew it: sudo tailscale up --force-reauth");
  }
  if (state === "Running") return undefined;
  return bad(`Tailscale is not connected: its state is "${state}"`, "Wait a moment; then: sudo tailscale up");
}

function reportFunnelRoute(way: FunnelRoute | undefined, { name }: TailscaleStatus, url: URL | undefined): Finding {
  const runs = name === undefined ? "Runs" : `Runs as ${name}`;
  if (way === undefined) {
    if (url === undefined) return ok(`${runs}; Funnel does not lead to the gateway`);
    // Without TLS, phones of the tailnet reach the port itself.
    if (url.protocol === "http:") return ok(`${runs}; nothing but the tailnet leads to the gateway`);
    return failed(`${runs}, and does not lead to the gateway's port`, FUNNEL_ON);
  }
  if (!way.isPublic) return warning(`${runs}, and leads to the gateway for the tailnet's own devices alone`, FUNNEL_ON);
  if (url !== undefined && way.host !== `${url.hostname}:${url.port || 443}`) {
    const address = funnelUrl(way);
    return warning(
      `Funnel leads from ${address} to the gateway, and PUBLIC_URL is another one`,
      `Set PUBLIC_URL=${address}`,
    );
  }
  return ok(`${runs}; Funnel leads to the gateway`);
}

/** A way that works will not for long. */
function withExpiry(finding: Finding, { expires }: TailscaleStatus, now: number): Finding {
  if (finding.status !== "ok" || expires === undefined || expires - now > NOTICE_DAYS * DAY_MS) return finding;
  return warning(
    `This machine's key for Tailscale expires in ${Math.floor((expires - now) / DAY_MS)} d`,
    "Renew it: sudo tailscale up --force-reauth; or disable its expiry: https://login.tailscale.com/admin/machines",
  );
}
