/**
 * Descriptions of responses that a tunnel sends in place of the gateway, with remedies.
 *
 * @module
 */
import type { FailureReason, FetchFailure } from "../lib/fetch_failure.ts";
import { type HttpReply, isPage, isPlainHttpRefusal } from "../lib/http_probe.ts";
import { failed, type Finding } from "./check.ts";

/** Remedy if Funnel is off. */
export const FUNNEL_ON = "Turn Funnel on: ./run_tailscale.sh";

const NO_ANSWER: Partial<Readonly<Record<FailureReason, string>>> = {
  name: "Fix the name in PUBLIC_URL; a new name can take some minutes to propagate",
  certificate: "Have the tunnel get a certificate for the name in PUBLIC_URL, and check this machine's clock",
  tls: "Fix PUBLIC_URL: no server speaks TLS at that address",
};

/** Returns whether Tailscale assigned a name. */
export function isTailnetName(host: string): boolean {
  return host.endsWith(".ts.net");
}

/** Returns the public address with its path, without a slash at its end. */
export function publicAddress(url: URL): string {
  return url.href.replace(/\/+$/, "");
}

/** Reports that the public address does not answer. */
export function reportNoAnswer(url: URL, { reason, message }: FetchFailure): Finding {
  const remedy = isTailnetName(url.hostname) && reason !== "certificate"
    ? FUNNEL_ON
    : NO_ANSWER[reason] ?? "Check that the tunnel runs, and that PUBLIC_URL is its address";
  return failed(`${publicAddress(url)} ${message}`, remedy);
}

/** Meanings and remedies of HTTP statuses of tunnels and their networks. */
const STATUSES: Readonly<Record<number, readonly [string, string]>> = {
  404: ["this path does not exist there", "Fix PUBLIC_URL, or the rules of the tunnel"],
  502: [
    "the tunnel does not reach the gateway",
    "Point the tunnel to this machine and PORT",
  ],
  503: ["the tunnel, or the gateway, is not available", "Check that the tunnel runs on this machine"],
  504: ["the gateway does not answer the tunnel in time", "Check that the tunnel leads to this machine and PORT"],
  521: ["Cloudflare finds no server at the gateway's address", "Point Cloudflare to this machine and PORT"],
  522: [
    "Cloudflare gets no answer from the gateway's address",
    "Open the firewall to this machine and PORT, or use a tunnel",
  ],
  523: ["Cloudflare finds no route to the gateway's address", "Fix the address in Cloudflare's DNS"],
  524: ["the gateway does not answer Cloudflare in time", "See the gateway's log"],
  525: ["Cloudflare and the gateway do not agree on TLS", "Fix the SSL/TLS mode in Cloudflare"],
  526: ["the gateway's certificate is not valid for Cloudflare", "Fix the SSL/TLS mode in Cloudflare"],
};

const CLOUDFLARED = "Start cloudflared on this machine: sudo systemctl start cloudflared";

/** Reports a response that is not the gateway's sealed answer. */
export function reportTunnel(url: URL, reply: HttpReply): Finding {
  const { status, headers, text } = reply;
  const report = (meaning: string, remedy: string) =>
    failed(`${publicAddress(url)} answers HTTP ${status}: ${meaning}`, remedy);
  if (status >= 300 && status < 400) return reportRedirect(url, reply);
  if (isPlainHttpRefusal(reply)) {
    return report(
      "that port speaks HTTPS, and the request was plain HTTP",
      "Use https:// instead of http:// in PUBLIC_URL",
    );
  }
  if (status === 401 && !isPage(reply)) {
    return report(
      "a gateway is there that does not have this key",
      "Point the tunnel to this machine instead of another one",
    );
  }
  if (isLogin(reply)) {
    return report(
      "the gateway is behind a login page",
      "Remove the login for this address: requests are sealed already",
    );
  }
  if (status === 530) {
    const isDown = /\b1033\b/.test(text);
    return isDown
      ? report("Cloudflare's tunnel does not run (error 1033)", CLOUDFLARED)
      : report("Cloudflare does not find the tunnel", `${CLOUDFLARED}, and check the name in Cloudflare's DNS`);
  }
  const meaning = STATUSES[status];
  if (meaning !== undefined) return report(...meaning);
  if (status === 429) return report("too many requests from this address", "Try again in a minute");
  const sender = headers.get("Server")?.toLowerCase().startsWith("cloudflare")
    ? "Cloudflare answers"
    : "another server answers";
  return report(`${sender} in place of the gateway`, "Fix PUBLIC_URL, or the rules of the tunnel");
}

function reportRedirect(url: URL, { status, headers }: HttpReply): Finding {
  const target = URL.parse(headers.get("Location") ?? "", url.href);
  const message = `${publicAddress(url)} redirects to ${target?.origin ?? "an invalid address"} (HTTP ${status})`;
  if (target?.hostname.endsWith(".cloudflareaccess.com")) {
    return failed(
      `${message}: Cloudflare Access requires a login`,
      "Remove Access for this address: requests are sealed already",
    );
  }
  if (target?.hostname === url.hostname && target.protocol === "https:") {
    return failed(message, `Set PUBLIC_URL=${publicAddress(new URL(url.pathname, target.origin))}`);
  }
  return failed(message, "Set PUBLIC_URL to the final address, or remove the login before it");
}

/** Recognizes the login page of a tunnel: a web page with status 200, 401 or 403. */
function isLogin(reply: HttpReply): boolean {
  return isPage(reply) && (reply.status === 200 || reply.status === 401 || reply.status === 403);
}
