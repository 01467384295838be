/** The gateway under test: its ports, its keys and their rights, and what its log must not contain. */
import { importSecretKey, type SecretKey } from "../../src/protocol/secret_key.ts";
import { formatKeysFile, type KeyRecord, parseKeysFile } from "../../src/keys/schema.ts";
import { makeRecord } from "../../tests/support/gateway.ts";
import type { GatewayProcess } from "../../tests/support/gateway_process.ts";
import type { Port } from "./fuzz_request.ts";

/**
 * Keys that open requests, by what they may do. `right` may do everything that `#` and `*` grant; `guest` may do a
 * little; `mqttOnly` and `jeedomOnly` may use one service; `limited` reaches one command and one scenario; `system` is granted `$SYS/#` by name, where that can be
 * granted; `modern` needs version 2; `quick` has a rate limit of its own that is never reached, `slow` one that is soon.
 */
export type LiveKey =
  | "right"
  | "guest"
  | "mqttOnly"
  | "jeedomOnly"
  | "limited"
  | "system"
  | "modern"
  | "quick"
  | "slow";

/** Keys that open nothing: unknown, expired, disabled, and replaced by a rotation whose time is over. */
export type DeadKey = "wrong" | "expired" | "disabled" | "replaced";

/** The keys by name. */
export type TargetKeys = Readonly<Record<LiveKey | DeadKey, SecretKey>>;

/** Where the gateway is, and which keys it has. */
export interface Target {
  /** Its ports. */
  readonly ports: Readonly<Record<Port, number>>;
  /** Keys that it knows, and keys that it must not accept. */
  readonly keys: TargetKeys;
  /** Whether the key `system` is granted `$SYS/#`. */
  readonly grantsSystemTopics: boolean;
}

/** Lines that must never be in its log. */
const BAD_LINE = /Uncaught|nhandled|broke the gateway|Listening broke off|RangeError|TypeError/;

const LOOK_MS = 500;

/** The command and the scenario that the key `limited` reaches. */
export const LIMITED = { command: 7, scenario: 3 } as const;

/** Burst of the key `slow`. */
export const SLOW_BURST = 5;

const BOTH = { services: ["jeedom", "mqtt"] } as const;
const PAST = Date.parse("2020-01-01T00:00:00Z");

/** Makes the records of a `KEYS_FILE` for a gateway under test. */
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

/** Older gateways have no `$` topics in a key's rights. */
function isGrantable(record: KeyRecord): boolean {
  try {
    parseKeysFile(formatKeysFile([record]));
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/**
 * Imports all that attempts on a gateway need.
 *
 * @param records what its `KEYS_FILE` holds
 */
export async function targetOf(
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
    grantsSystemTopics: recordOf("system").subscribe.includes("$SYS/#"),
  };
}

/** Puts bad lines of the log into a list until it is closed, and drops what was read: the log is long. */
export function watchLog({ output }: GatewayProcess, faults: string[]): { close(): void } {
  function look(): void {
    for (const line of output.lines.splice(0)) {
      if (BAD_LINE.test(line) && faults.length < 20) faults.push(`Log: ${line.slice(0, 500)}`);
    }
  }
  const timer = setInterval(look, LOOK_MS);
  return {
    close() {
      clearInterval(timer);
      look();
    },
  };
}
