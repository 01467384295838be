/**
 * A port that another program holds, and finding out which.
 *
 * @module
 */
import { errorName } from "../lib/errors.ts";
import type { ServerAddress } from "../config/local_url.ts";
import type { Config } from "../config/settings.ts";
import type { Reply } from "../lib/http_probe.ts";
import type { FetchFailure } from "../lib/fetch_failure.ts";
import { askTrusting, versionOf } from "../doctor/gateway_state.ts";
import type { Platform } from "../platform.ts";

/** A setting with a port that the gateway listens on. */
export type PortSetting = "PORT" | "METRICS_PORT";

const portOf = (setting: PortSetting, { server, metrics }: Config) => setting === "PORT" ? server.port : metrics.port;

/** A port that the gateway should listen on is taken. */
export class PortTakenError extends Deno.errors.AddrInUse {
  /** Makes the error from the setting with the port. */
  constructor(readonly setting: PortSetting, readonly config: Config, options?: ErrorOptions) {
    super(`Port ${portOf(setting, config)} of ${setting} is taken`, options);
  }
}

/**
 * Listens on a port of the settings.
 *
 * @throws {PortTakenError} if it is taken
 * @throws {Error} if it belongs to the system, with the setting's name
 */
export function openPort<T>(setting: PortSetting, config: Config, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    const name = errorName(cause);
    if (name === "AddrInUse") throw new PortTakenError(setting, config, { cause });
    if (name !== "PermissionDenied") throw cause;
    const port = portOf(setting, config);
    throw new Error(`Ports below 1024 belong to the system: set ${setting} to a higher one, not ${port}`, { cause });
  }
}

/** The program that holds a port. */
type Holder =
  /** A gateway. */
  | { readonly kind: "gateway"; readonly version: string }
  /** Speaks TLS with a certificate that cannot be checked from here: most likely a gateway. */
  | { readonly kind: "tls" }
  /** Answers HTTP as no gateway does. */
  | { readonly kind: "http"; readonly status: number }
  /** Does not answer HTTP; or answers at none of the addresses where it was asked. */
  | { readonly kind: "silent" };

/** Host and port of a server. */
type Place = ServerAddress;

/** Longest wait for answers of the holder, all together, in milliseconds: as long as the doctor gives a check. */
const HOLDER_TIMEOUT_MS = 5000;

/** Says what holds the port, and what to do. Never throws. */
export async function describePortTaken({ setting, config }: PortTakenError, platform: Platform): Promise<string> {
  const signal = AbortSignal.timeout(HOLDER_TIMEOUT_MS);
  const { server, metrics: { host, port: metricsPort } } = config;
  const [main, metrics] = await Promise.all([
    findHolder(server, platform, signal),
    metricsPort === "off"
      ? undefined
      : findHolder({ host, port: metricsPort, tlsCertFile: undefined }, platform, signal),
  ]);
  // With the same settings, a gateway that runs has both ports, and people know it by PORT.
  const gateway = [main, metrics].find((holder) => holder?.kind === "gateway");
  if (main.kind === "gateway" || (main.kind === "tls" && gateway !== undefined)) {
    const version = gateway?.kind === "gateway" ? ` (version ${gateway.version})` : "";
    return `Port ${server.port} is taken already: a gateway${version} runs there. Stop it: Ctrl-C in its terminal, ` +
      "sudo systemctl stop e2e-gateway, or docker compose down. To run both, set PORT and METRICS_PORT to free ones";
  }
  const port = portOf(setting, config);
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

/** Asks for the gateway's health wherever the holder of a port may answer. */
async function findHolder(place: Place, platform: Platform, signal: AbortSignal): Promise<Holder> {
  if (place.port === 0) return { kind: "silent" };
  const now = () => Date.now();
  const answers = await Promise.all(
    urlsOf(place).map((url) => askTrusting(place.tlsCertFile, platform, { url: `${url}/health`, now, signal })),
  );
  const holders = answers.map(holderOf);
  const kinds = ["gateway", "http", "tls"] as const;
  const found = kinds.map((kind) => holders.find((holder) => holder.kind === kind));
  return found.find((holder) => holder !== undefined) ?? { kind: "silent" };
}

/**
 * Lists the addresses of a place. A server on all addresses conflicts with programs on single ones, and one
 * without TLS meets one with it. The sandbox of `deno task start` allows the configured address, which as "all addresses"
 * leads to this machine, and in most configurations 127.0.0.1; what it forbids counts as silent.
 */
function urlsOf({ host, port }: Place): string[] {
  const isEverywhere = host === "0.0.0.0" || host === "::";
  const hosts = isEverywhere ? [host, "127.0.0.1", "::1"] : [host];
  return hosts.flatMap((one) => {
    const name = one.includes(":") ? `[${one}]` : one;
    return [`http://${name}:${port}`, `https://${name}:${port}`];
  });
}

function holderOf(answer: Reply | FetchFailure): Holder {
  if (answer.kind === "failure") return answer.reason === "certificate" ? { kind: "tls" } : { kind: "silent" };
  const version = versionOf(answer);
  return version === undefined ? { kind: "http", status: answer.status } : { kind: "gateway", version };
}
