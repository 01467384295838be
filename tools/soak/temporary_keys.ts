/** Guests of the house: each gets a key while the gateway runs, uses it, and loses it. */
import { setTimeout as pause } from "node:timers/promises";
import { GatewayClient, GatewayError, WrongKeyError } from "../../src/client/gateway_client.ts";
import { until, within } from "../../tests/support/deadline.ts";
import { type GatewayProcess, spawnMain } from "../../tests/support/gateway_process.ts";

/** Guests that come until they are told not to. */
export interface Guests {
  /** How many came and went. */
  readonly count: number;
  /** What must not happen, in words. */
  readonly faults: readonly string[];
  /** Waits for the last one to go. */
  stop(): Promise<void>;
}

const PAUSE_MS = 15_000;

/** Longest wait for a key to work or to stop working: 2 s are promised, and the machine may be busy. */
const PATIENCE_MS = 60_000;

/** Lets guests come, one after the other. */
export function inviteGuests(gateway: GatewayProcess): Guests {
  const faults: string[] = [];
  const leaving = new AbortController();
  let count = 0;

  async function keys(...words: string[]): Promise<string> {
    const child = spawnMain(["keys", ...words], { directory: gateway.directory, env: {} });
    const { success, stdout, stderr } = await child.output();
    const [told, wrong] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    if (!success) throw new Error(`Command failed: keys ${words[0]}: ${wrong?.slice(0, 200)}`);
    return told ?? "";
  }

  async function visit(name: string): Promise<void> {
    await keys("add", name);
    const key = /#key=([0-9a-f]{64})/.exec(await keys("show", name, "--url", gateway.url, "--no-qr"))?.[1] ?? "";
    const guest = new GatewayClient({ url: gateway.url, key, protocol: 2 });
    await until("a new key works", () => isKnown(guest), PATIENCE_MS);
    const stream = guest.subscribe(["soak/guest"], { resume: false });
    // A stream may end with its broker, too, and at once; what matters is that it ends.
    const ended = Promise.allSettled([Array.fromAsync(stream)]);
    await keys("rotate", name, "--overlap", "0");
    await within("the end of a stream whose key was changed", ended, PATIENCE_MS);
    await until("an old key is refused", async () => !await isKnown(guest), PATIENCE_MS);
    await keys("remove", name);
    count += 1;
  }

  const visiting = (async () => {
    while (!leaving.signal.aborted) {
      await visit(`guest-${count}-${faults.length}`).catch((error) => {
        // A stream may end with its broker, too; what matters is that it ends.
        if (!(error instanceof GatewayError)) faults.push(String(error));
      });
      await pause(PAUSE_MS, undefined, { signal: leaving.signal }).catch(() => {});
    }
  })();
  return {
    get count() {
      return count;
    },
    faults,
    async stop() {
      leaving.abort();
      await visiting;
    },
  };
}

/** Whether the gateway knows the key; that a broker is away just now does not matter. */
async function isKnown(guest: GatewayClient): Promise<boolean> {
  try {
    await guest.publish("soak/guest", "here");
    return true;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return !(error instanceof WrongKeyError);
  }
}
