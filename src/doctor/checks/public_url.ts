/**
 * Check of the public URL: it leads to this gateway.
 *
 * A gateway answers a repeated request with its first answer, byte for byte. So the request that was answered on this
 * machine is repeated through the public URL: another gateway, even one with the same key, answers differently.
 *
 * @module
 */
import { ask, type HttpReply } from "../../lib/http_probe.ts";
import { isObject } from "../../lib/json.ts";
import { hostOf } from "../../net/host.ts";
import { isInNetwork, isLoopback, parseAddress, parseNetwork } from "../../net/ip_address.ts";
import { openAnswer } from "../../protocol/exchange.ts";
import { type Check, failed, type Finding, forbidden, ok, skipped, warning } from "../check.ts";
import { type GatewayProbe, PROBE_ROUTE } from "../gateway_probe.ts";
import { findTlsEndingProxy } from "../tls_ending_proxy.ts";
import { publicAddress, reportNoAnswer, reportTunnel } from "../tunnel.ts";
import { NOT_RUNNING } from "./gateway.ts";

/** Sealed status for a repeat whose answer the gateway did not keep. */
const ANSWER_NOT_KEPT = 409;

/** Networks of Tailscale: its carrier-grade NAT range and its IPv6 prefix. */
const TAILNETS = ["100.64.0.0/10", "fd7a:115c:a1e0::/48"].flatMap((network) => parseNetwork(network) ?? []);

/** Check of the public URL. */
export const PUBLIC_URL: Check = {
  name: "public_url",
  async run(context, signal) {
    const { config: { server: { publicUrl: url, console: page } }, machine, now } = context;
    if (url === undefined) {
      return skipped("PUBLIC_URL is not set", "Set it to the address that phones use, to have it checked");
    }
    const { kind } = await context.gateway(signal);
    if (kind === "forbidden") return forbidden();
    if (kind === "free" || kind === "unavailable") return skipped(NOT_RUNNING);
    if (kind === "silent") return skipped("The gateway does not answer: see gateway");
    if (kind === "other") return skipped("Another program has the gateway's port");
    const probe = await context.probe(signal);
    if (probe === undefined) return skipped("There is no key to test it with", "Add one: deno task keys add NAME");
    if (probe.answer !== undefined && (probe.answer.kind === "failure" || probe.answer.status !== 200)) {
      return skipped("Needs the answer of the gateway on this machine: see gateway");
    }
    const address = publicAddress(url);
    const began = now();
    const reply = await ask(address + PROBE_ROUTE, { fetch: machine.fetch, now, signal, body: probe.text });
    if (reply.kind === "failure") return reportNoAnswer(url, reply);
    if (reply.status !== 200) return reportTunnel(url, reply);
    const finding = await compareAnswers(url, reply, probe);
    if (finding !== undefined) return finding;
    const leads = `${address} leads to this gateway, round trip ${Math.round(now() - began)} ms`;
    if (url.protocol === "http:" && !isLoopback(hostOf(url))) {
      return warning(
        `${leads}; it is not https://, so the network can see who uses the gateway, and when`,
        "Use a tunnel: ./run_tailscale.sh",
      );
    }
    const ending = page === "on" ? findTlsEndingProxy(reply.headers) : undefined;
    if (ending !== undefined) {
      return warning(
        `${leads}, through ${ending.proxy} (header ${ending.header}), which ends TLS: it can change the page and take keys`,
        "Use Tailscale Funnel, which ends TLS at home; or set CONSOLE=off and use the page from elsewhere: " +
          "docs/security.md, A relay that ends TLS",
      );
    }
    const addresses = await machine.lookup(url.hostname).catch(() => []);
    return ok(
      addresses.some(isTailnetAddress) ? `${leads}, inside of the tailnet: Funnel itself was not tested` : leads,
    );
  },
};

function isTailnetAddress(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && TAILNETS.some((network) => isInNetwork(address, network));
}

/** Returns the problem with an answer; undefined if only this gateway can have sent it. */
async function compareAnswers(
  url: URL,
  reply: HttpReply,
  { answer, exchange, key }: GatewayProbe,
): Promise<Finding | undefined> {
  if (answer?.kind === "reply" && reply.text === answer.text) return undefined;
  let opened: unknown;
  try {
    opened = JSON.parse(await openAnswer(exchange, reply.text));
  } catch {
    return reportTunnel(url, reply);
  }
  if (isObject(opened) && opened["status"] === ANSWER_NOT_KEPT) return undefined;
  if (answer === undefined) return ok(`${publicAddress(url)} leads to a gateway that has key "${key}"`);
  return failed(
    `${publicAddress(url)} leads to another gateway, which also has key "${key}"`,
    "Stop the other gateway, or let the tunnel lead to this machine",
  );
}
