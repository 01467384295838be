/** A gateway to try things on: where it is, what opens it, and what its log must not say. */
import { importSecretKey, type SecretKey } from "../../src/protocol/secret_key.ts";
import type { GatewayProcess } from "../../tests/system/gateway_process.ts";
import type { Port } from "./attempt.ts";

/** Where it is, and what opens it. */
export interface Target {
  /** Its ports. */
  readonly ports: Readonly<Record<Port, number>>;
  /** The key that it knows, and one that it does not. */
  readonly keys: { readonly right: SecretKey; readonly wrong: SecretKey };
}

/** What must never be in its log. */
const BAD_LINE = /Uncaught|nhandled|broke the gateway|Listening broke off|RangeError|TypeError/;

const LOOK_MS = 500;

/** Finds out about a gateway what attempts need. */
export async function targetOf({ url, metricsUrl = "", key }: GatewayProcess): Promise<Target> {
  const [right, wrong] = [Uint8Array.fromHex(key), crypto.getRandomValues(new Uint8Array(32))];
  return {
    ports: { public: Number(new URL(url).port), metrics: Number(new URL(metricsUrl).port) },
    keys: { right: await importSecretKey(right), wrong: await importSecretKey(wrong) },
  };
}

/** Puts lines of the log that must not be into a list until it is closed, and forgets what was looked at: it is long. */
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
