/**
 * Message about a port that is taken, which names the program that listens on it.
 *
 * @module
 */
import { formatHost, isUnspecified, type ServerAddress } from "../net/host.ts";
import type { HttpReply } from "../lib/http_probe.ts";
import type { FetchFailure } from "../lib/fetch_failure.ts";
import { askTrusting, versionOf } from "../doctor/gateway_state.ts";
import type { Platform } from "../platform.ts";
import type { PortTakenError } from "./listen.ts";

/** Program that listens on a port. */
type Holder =
  /** A gateway. */
  | { readonly kind: "gateway"; readonly version: string }
  /** Speaks TLS with a certificate that cannot be verified from here: most likely a gateway. */
  | { readonly kind: "tls" }
  /** Answers HTTP, but not like a gateway. */
  | { readonly kind: "http"; readonly status: number }
  /** Answers no HTTP at any of the requested addresses. */
  | { readonly kind: "silent" };

/** Longest wait for all answers of the program, in milliseconds. */
const HOLDER_TIMEOUT_MS = 5000;

/** Returns a message that names the program on the port, and says what to do. Never throws. */
export async function describePortTaken({ setting, config }: PortTakenError, platform: Platform): Promise<string> {
  const signal = AbortSignal.timeout(HOLDER_TIMEOUT_MS);
  const { server, metrics: { host, port: metricsPort } } = config;
  const [main, metrics] = await Promise.all([
    findHolder(server, platform, signal),
    metricsPort === "off"
      ? undefined
      : findHolder({ host, port: metricsPort, tlsCertFile: undefined }, platform, signal),
  ]);
  // With the same settings, a running gateway has both ports; PORT is the one that operators know.
  const gateway = [main, metrics].find((holder) => holder?.kind === "gateway");
  if (main.kind === "gateway" || (main.kind === "tls" && gateway !== undefined)) {
    const version = gateway?.kind === "gateway" ? ` (version ${gateway.version})` : "";
    return `Port ${server.port} is taken already: a gateway${version} runs there. Stop it: Ctrl-C in its terminal, ` +
      "sudo systemctl stop e2e-gateway, or docker compose down. To run both, set PORT and METRICS_PORT to free ones";
  }
  const port = setting === "PORT" ? server.port : metricsPort;
  const remedy = setting === "PORT" ? "set PORT to a free one" : "set METRICS_PORT to a free one, or to off";
  const holder = setting === "PORT" ? main : metrics ?? main;
  if (holder.kind === "gateway") {
    return `Port ${port} is taken already: a gateway (version ${holder.version}) has its metrics there. Stop it, or ${remedy}`;
  }
  return `Port ${port} is taken already by ${describeHolder(holder)}. ` +
    `Find it with  sudo ss -ltnp 'sport = :${port}'  and stop it, or ${remedy}`;
}

function describeHolder(holder: Exclude<Holder, { kind: "gateway" }>): string {
  switch (holder.kind) {
    case "tls":
      return "a program that speaks TLS, most likely a gateway";
    case "http":
      return `another program, which answers HTTP ${holder.status} and not as a gateway does`;
    case "silent":
      return "another program";
  }
}

/** Requests `/health` at each URL where the program on a port may answer. */
async function findHolder(server: ServerAddress, platform: Platform, signal: AbortSignal): Promise<Holder> {
  if (server.port === 0) return { kind: "silent" };
  const now = () => Date.now();
  const answers = await Promise.all(
    urlsOf(server).map((url) => askTrusting(server.tlsCertFile, platform, { url: `${url}/health`, now, signal })),
  );
  const holders = answers.map(holderOf);
  const kinds = ["gateway", "http", "tls"] as const;
  const found = kinds.map((kind) => holders.find((holder) => holder.kind === kind));
  return found.find((holder) => holder !== undefined) ?? { kind: "silent" };
}

/**
 * Lists the URLs of a server. One that listens on all addresses conflicts with programs on a single one, and one without
 * TLS with one that has it. The sandbox of `deno task start` allows the configured address, which for "all addresses"
 * leads to this machine, and in most configurations 127.0.0.1; a forbidden one counts as silent.
 */
function urlsOf({ host, port }: ServerAddress): string[] {
  const hosts = isUnspecified(host) ? [host, "127.0.0.1", "::1"] : [host];
  return hosts.map(formatHost).flatMap((name) => [`http://${name}:${port}`, `https://${name}:${port}`]);
}

function holderOf(answer: HttpReply | FetchFailure): Holder {
  if (answer.kind === "failure") return answer.reason === "certificate" ? { kind: "tls" } : { kind: "silent" };
  const version = versionOf(answer);
  return version === undefined ? { kind: "http", status: answer.status } : { kind: "gateway", version };
}
