/**
 * Whether the public address leads to this very gateway.
 *
 * A gateway gives a repeated request its first answer, byte for byte. So the request that was answered on this machine
 * is sent once more from outside: another gateway, even one with the same key, answers otherwise.
 *
 * @module
 */
import { openAnswer } from "../../protocol/exchange.ts";
import { isObject } from "../../lib/json.ts";
import { hostOf } from "../../net/egress.ts";
import { isInNetwork, isLoopback, parseAddress, parseNetwork } from "../../net/ip_address.ts";
import { ask, type Reply } from "../../lib/http_probe.ts";
import type { Check } from "../check.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";
import { type GatewayProbe, PROBE_ROUTE } from "../gateway_probe.ts";
import { publicAddress, reportNoAnswer, reportTunnel } from "../tunnel.ts";
import { NOT_RUNNING } from "./gateway.ts";

/** Sealed for a repeat whose answer the gateway did not keep. */
const NO_LONGER_KEPT = 409;

/** What is reached through Tailscale alone: its part of the addresses for carriers, and its own part of IPv6. */
const TAILNETS = ["100.64.0.0/10", "fd7a:115c:a1e0::/48"].flatMap((network) => parseNetwork(network) ?? []);

/** The way through the tunnel. */
export const PUBLIC_URL: Check = {
  name: "public_url",
  async run(house, signal) {
    const { config: { server: { publicUrl: url } }, machine, now } = house;
    if (url === undefined) {
      return skipped("PUBLIC_URL is not set", "Set it to the address that phones use to have the way to it checked");
    }
    const { kind } = await house.gateway(signal);
    if (kind === "free" || kind === "closed") return skipped(NOT_RUNNING);
    if (kind === "silent") return skipped("The gateway does not answer: see gateway");
    if (kind === "other") return skipped("Another program has the gateway's port");
    const knock = await house.probe(signal);
    if (knock === undefined) return skipped("There is no key to ask with", "Add one: deno task keys add NAME");
    if (knock.answer !== undefined && (knock.answer.kind === "failure" || knock.answer.status !== 200)) {
      return skipped("Needs an answer of the gateway on this machine: see gateway");
    }
    const address = publicAddress(url);
    const began = now();
    const asked = await ask(address + PROBE_ROUTE, { fetch: machine.fetch, now, signal, body: knock.text });
    if (asked.kind === "failure") return reportNoAnswer(url, asked);
    if (asked.status !== 200) return reportTunnel(url, asked);
    const finding = await compare(url, asked, knock);
    if (finding !== undefined) return finding;
    const leads = `${address} leads to this gateway, round trip ${Math.round(now() - began)} ms`;
    if (url.protocol === "http:" && !isLoopback(hostOf(url))) {
      return warning(
        `${leads}; it is not https://, so that who talks to the gateway, and when, can be seen on the way`,
        "Put a tunnel before it: ./run_tailscale.sh",
      );
    }
    const addresses = await machine.lookup(url.hostname).catch(() => []);
    return ok(
      addresses.some(isTailnetAddress) ? `${leads}, inside of the tailnet: Funnel itself was not tried` : leads,
    );
  },
};

function isTailnetAddress(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && TAILNETS.some((network) => isInNetwork(address, network));
}

/** Tells what is wrong with an answer; undefined where it can only be this gateway's. */
async function compare(url: URL, asked: Reply, { answer, exchange, key }: GatewayProbe): Promise<Finding | undefined> {
  if (answer?.kind === "reply" && asked.text === answer.text) return undefined;
  let opened: unknown;
  try {
    opened = JSON.parse(await openAnswer(exchange, asked.text));
  } catch {
    return reportTunnel(url, asked);
  }
  if (isObject(opened) && opened["status"] === NO_LONGER_KEPT) return undefined;
  if (answer === undefined) return ok(`${publicAddress(url)} leads to a gateway that knows key "${key}"`);
  return failed(
    `${publicAddress(url)} leads to another gateway, which has key "${key}", too`,
    "Stop the other gateway, or let the tunnel lead to this machine",
  );
}
