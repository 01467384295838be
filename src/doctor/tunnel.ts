/**
 * What a tunnel says in place of the gateway, in words, with the remedy.
 *
 * @module
 */
import { isPage, isPlainHttpRefusal, type Reply } from "../lib/http_probe.ts";
import type { FailureReason, FetchFailure } from "./fetch_failure.ts";
import { failed, type Finding } from "./finding.ts";

/** What helps where Funnel is off. */
export const FUNNEL_ON = "Turn Funnel on: ./run_tailscale.sh";

const NOBODY: Partial<Readonly<Record<FailureReason, string>>> = {
  name: "Mend the name in PUBLIC_URL; a new name can take some minutes until it is known",
  certificate:
    "Let the tunnel get a certificate for the name in PUBLIC_URL, and see whether this machine's clock is right",
  tls: "Mend PUBLIC_URL: at that address nobody speaks TLS",
};

/** Tells a name that Tailscale gives. */
export function isTailnetName(host: string): boolean {
  return host.endsWith(".ts.net");
}

/** Returns the public address with its path, without a slash at its end. */
export function publicAddress(url: URL): string {
  return url.href.replace(/\/+$/, "");
}

/** Tells that nobody answers at the public address. */
export function reportNoAnswer(url: URL, { reason, words }: FetchFailure): Finding {
  const remedy = isTailnetName(url.hostname) && reason !== "certificate"
    ? FUNNEL_ON
    : NOBODY[reason] ?? "See whether the tunnel runs, and whether PUBLIC_URL is its address";
  return failed(`${publicAddress(url)} ${words}`, remedy);
}

/** What tunnels and their networks mean by a status. */
const STATUSES: Readonly<Record<number, readonly [string, string]>> = {
  404: ["nothing is known there under this path", "Mend PUBLIC_URL, or the rules of the tunnel"],
  502: [
    "the tunnel does not reach the gateway",
    "Let the tunnel lead to this machine and PORT",
  ],
  503: ["the tunnel, or the gateway, is not available", "See whether the tunnel runs on this machine"],
  504: ["the gateway does not answer the tunnel in time", "See whether the tunnel leads to this machine and PORT"],
  521: ["Cloudflare finds nobody at the gateway's address", "Let Cloudflare lead to this machine and PORT"],
  522: [
    "Cloudflare gets no answer from the gateway's address",
    "Open the way to this machine and PORT, or use a tunnel",
  ],
  523: ["Cloudflare finds no way to the gateway's address", "Mend the address in Cloudflare's DNS"],
  524: ["the gateway does not answer Cloudflare in time", "Look into the gateway's log"],
  525: ["Cloudflare and the gateway do not agree on TLS", "Mend the mode of SSL/TLS in Cloudflare"],
  526: ["the gateway's certificate is not valid for Cloudflare", "Mend the mode of SSL/TLS in Cloudflare"],
};

const CLOUDFLARED = "Start cloudflared on this machine: sudo systemctl start cloudflared";

/** Tells what an answer means that is not the gateway's sealed one. */
export function reportTunnel(url: URL, reply: Reply): Finding {
  const { status, headers, text } = reply;
  const told = (meaning: string, remedy: string) =>
    failed(`${publicAddress(url)} answers HTTP ${status}: ${meaning}`, remedy);
  if (status >= 300 && status < 400) return reportRedirect(url, reply);
  if (isPlainHttpRefusal(reply)) {
    return told(
      "that port speaks HTTPS, and was asked in plain HTTP",
      "Write https:// instead of http:// into PUBLIC_URL",
    );
  }
  if (status === 401 && !isPage(reply)) {
    return told(
      "a gateway is there that does not know this key",
      "Let the tunnel lead to this machine, and not to another one",
    );
  }
  if (isLogin(reply)) {
    return told(
      "a login page is before the gateway",
      "Take the login away for this address: requests are sealed already",
    );
  }
  if (status === 530) {
    const isDown = /\b1033\b/.test(text);
    return isDown
      ? told("Cloudflare's tunnel does not run (error 1033)", CLOUDFLARED)
      : told("Cloudflare does not find the tunnel", `${CLOUDFLARED}, and see the name in Cloudflare's DNS`);
  }
  const known = STATUSES[status];
  if (known !== undefined) return told(...known);
  if (status === 429) return told("too many requests from this address", "Try again in a minute");
  const who = headers.get("Server")?.toLowerCase().startsWith("cloudflare") ? "Cloudflare answers" : "somebody answers";
  return told(`${who} in place of the gateway`, "Mend PUBLIC_URL, or the rules of the tunnel");
}

function reportRedirect(url: URL, { status, headers }: Reply): Finding {
  const target = URL.parse(headers.get("Location") ?? "", url.href);
  const message = `${publicAddress(url)} redirects to ${target?.origin ?? "elsewhere"} (HTTP ${status})`;
  if (target?.hostname.endsWith(".cloudflareaccess.com")) {
    return failed(
      `${message}: Cloudflare Access wants a login`,
      "Take Access away for this address: requests are sealed already",
    );
  }
  if (target?.hostname === url.hostname && target.protocol === "https:") {
    return failed(message, `Set PUBLIC_URL=${publicAddress(new URL(url.pathname, target.origin))}`);
  }
  return failed(message, "Set PUBLIC_URL to the final address, or take a login before it away");
}

/** A page where sealed bytes should be, or that forbids: most tunnels ask for a login with either. */
function isLogin(reply: Reply): boolean {
  return isPage(reply) && (reply.status === 200 || reply.status === 401 || reply.status === 403);
}
