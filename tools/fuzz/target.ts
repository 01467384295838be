/** Gateway under test: its ports, its keys with their rights, and the log lines that indicate a fault. */
import { importSecretKey, type SecretKey } from "../../src/protocol/secret_key.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { formatKeysFile, type KeyRecord, parseKeysFile } from "../../src/keys/schema.ts";
import { makeRecord } from "../../tests/support/gateway.ts";
import type { GatewayProcess } from "../../tests/support/gateway_process.ts";
import type { Port } from "./fuzz_request.ts";

/**
 * Accepted keys by their rights. `right` has all rights that `#` and `*` grant; `guest` has few; `mqttOnly` and
 * `jeedomOnly` have one service; `limited` has one command and one scenario; `system` has `$SYS/#`, if that can be
 * granted; `modern` requires version 2; `quick` has a very high rate limit, `slow` a very low one.
 */
export type AcceptedKey =
  | "right"
  | "guest"
  | "mqttOnly"
  | "jeedomOnly"
  | "limited"
  | "system"
  | "modern"
  | "quick"
  | "slow";

/** Rejected keys: unknown, expired, disabled, and replaced by a rotation without overlap. */
export type RejectedKey = "wrong" | "expired" | "disabled" | "replaced";

/** Keys by name. */
export type TargetKeys = Readonly<Record<AcceptedKey | RejectedKey, SecretKey>>;

/** Gateway under test. */
export interface Target {
  /** Ports. */
  readonly ports: Readonly<Record<Port, number>>;
  /** Accepted and rejected keys. */
  readonly keys: TargetKeys;
  /** True if the key `system` has `$SYS/#`. */
  readonly grantsSystemTopics: boolean;
}

/** Log lines that indicate a fault. */
const FAULT_LINE = /Uncaught|nhandled|broke the gateway|Listening failed|RangeError|TypeError/;

const CHECK_MS = 500;

/** Command and scenario of the key `limited`. */
export const LIMITED = { command: 7, scenario: 3 } as const;

/** Burst of the key `slow`. */
export const SLOW_BURST = 5;

const BOTH = { services: ["jeedom", "mqtt"] } as const;
const PAST = Date.parse("2020-01-01T00:00:00Z");

/** Returns the records of the `KEYS_FILE` of a gateway under test. */
export function makeTargetRecords(): KeyRecord[] {
  const system = { name: "system", services: ["mqtt"], publish: ["fuzz/#"], subscribe: ["fuzz/#"] } as const;
  const named = makeRecord({ ...system, subscribe: [...system.subscribe, "$SYS/#"] });
  const all = { ...BOTH, publish: ["#"], subscribe: ["#"], methods: ["*"], ownApikey: true } as const;
  return [
    makeRecord({
      name: "guest",
      ...BOTH,
      publish: ["fuzz/guest/#"],
      subscribe: ["fuzz/guest/#", "fuzz/+/state", "fuzz/one/+"],
      methods: ["cmd::byId"],
    }),
    makeRecord({ ...all, name: "mqttOnly", services: ["mqtt"] }),
    makeRecord({
      ...all,
      name: "jeedomOnly",
      services: ["jeedom"],
      refusedMethods: ["cmd::execCmd"],
      ownApikey: false,
    }),
    makeRecord({
      ...all,
      name: "limited",
      services: ["jeedom"],
      ownApikey: false,
      commands: [LIMITED.command],
      scenarios: [LIMITED.scenario],
    }),
    isGrantable(named) ? named : makeRecord(system),
    makeRecord({ ...all, name: "modern", minProtocol: 2 }),
    makeRecord({ ...all, name: "quick", rate: { burst: 1_000_000, perSecond: 1_000_000 } }),
    makeRecord({ ...all, name: "slow", rate: { burst: SLOW_BURST, perSecond: 1 } }),
    makeRecord({ ...all, name: "expired", expires: PAST }),
    makeRecord({ ...all, name: "disabled", disabled: true }),
    makeRecord({
      ...all,
      name: "rotated",
      previous: { secret: crypto.getRandomValues(new Uint8Array(32)), until: PAST },
    }),
  ];
}

/** Returns whether a record is valid: older gateways reject `$` topics in rights. */
function isGrantable(record: KeyRecord): boolean {
  try {
    parseKeysFile(formatKeysFile([record]), SERVICES);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/**
 * Returns the target with its imported keys.
 *
 * @param records records of its `KEYS_FILE`
 */
export async function makeTarget(
  { url, metricsUrl = url, key }: Pick<GatewayProcess, "url" | "metricsUrl" | "key">,
  records: readonly KeyRecord[],
): Promise<Target> {
  const recordOf = (name: string) => {
    const found = records.find((record) => record.name === name);
    if (found === undefined) throw new RangeError(`No key "${name}"`);
    return found;
  };
  const secretOf = (name: string) => importSecretKey(recordOf(name).secret);
  const replaced = recordOf("rotated").previous;
  if (replaced === undefined) throw new RangeError("The rotated key has no earlier secret");
  return {
    ports: { public: Number(new URL(url).port), metrics: Number(new URL(metricsUrl).port) },
    keys: {
      right: await importSecretKey(Uint8Array.fromHex(key)),
      guest: await secretOf("guest"),
      mqttOnly: await secretOf("mqttOnly"),
      jeedomOnly: await secretOf("jeedomOnly"),
      limited: await secretOf("limited"),
      system: await secretOf("system"),
      modern: await secretOf("modern"),
      quick: await secretOf("quick"),
      slow: await secretOf("slow"),
      wrong: await importSecretKey(crypto.getRandomValues(new Uint8Array(32))),
      expired: await secretOf("expired"),
      disabled: await secretOf("disabled"),
      replaced: await importSecretKey(replaced.secret),
    },
    grantsSystemTopics: JSON.stringify(recordOf("system").rights["mqtt"]).includes("$SYS/#"),
  };
}

/** Adds fault lines of the log to a list until it is closed, and discards the log: it is long. */
export function watchLog({ output }: GatewayProcess, faults: string[]): { close(): void } {
  function check(): void {
    for (const line of output.lines.splice(0)) {
      if (FAULT_LINE.test(line) && faults.length < 20) faults.push(`Log: ${line.slice(0, 500)}`);
    }
  }
  const timer = setInterval(check, CHECK_MS);
  return {
    close() {
      clearInterval(timer);
      check();
    },
  };
}
