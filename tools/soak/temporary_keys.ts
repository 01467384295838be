/** Temporary keys: each is added while the gateway runs, used, rotated and removed. */
import { setTimeout as pause } from "node:timers/promises";
import { GatewayClient, GatewayError, WrongKeyError } from "../../src/client/gateway_client.ts";
import { until, within } from "../../tests/support/deadline.ts";
import { type GatewayProcess, spawnMain } from "../../tests/support/gateway_process.ts";

/** Running cycle of temporary keys. */
export interface KeyCycle {
  /** Number of completed cycles. */
  readonly count: number;
  /** Keys that did not behave as expected. */
  readonly faults: readonly string[];
  /** Stops after the current key. */
  stop(): Promise<void>;
}

const PAUSE_MS = 15_000;

/** Longest wait for a change of a key to take effect: 2 s are documented, and the machine may be busy. */
const TIMEOUT_MS = 60_000;

/** Starts to add, use, rotate and remove keys, one after the other. */
export function startKeyCycle(gateway: GatewayProcess): KeyCycle {
  const faults: string[] = [];
  const stopping = new AbortController();
  let count = 0;

  async function runKeys(...args: string[]): Promise<string> {
    const child = spawnMain(["keys", ...args], { directory: gateway.directory, env: {} });
    const { success, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    if (!success) throw new Error(`Command failed: keys ${args[0]}: ${decoder.decode(stderr).slice(0, 200)}`);
    return decoder.decode(stdout);
  }

  async function runCycle(name: string): Promise<void> {
    await runKeys("add", name);
    const key = /#key=([0-9a-f]{64})/.exec(await runKeys("show", name, "--url", gateway.url, "--no-qr"))?.[1] ?? "";
    const client = new GatewayClient({ url: gateway.url, key, protocol: 2 });
    await until("a new key is accepted", () => isAccepted(client), TIMEOUT_MS);
    const stream = client.subscribe(["soak/temporary"], { resume: false });
    // The stream may also end with its broker; only its end matters.
    const ended = Promise.allSettled([Array.fromAsync(stream)]);
    await runKeys("rotate", name, "--overlap", "0");
    await within("the end of a stream after the rotation of its key", ended, TIMEOUT_MS);
    await until("a replaced key is refused", async () => !await isAccepted(client), TIMEOUT_MS);
    await runKeys("remove", name);
    count += 1;
  }

  const running = (async () => {
    while (!stopping.signal.aborted) {
      await runCycle(`temporary-${count}-${faults.length}`).catch((error) => {
        // The broker may be unavailable.
        if (!(error instanceof GatewayError)) faults.push(String(error));
      });
      await pause(PAUSE_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();
  return {
    get count() {
      return count;
    },
    faults,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Returns whether the gateway accepts the key, even if the broker is unavailable. */
async function isAccepted(client: GatewayClient): Promise<boolean> {
  try {
    await client.publish("soak/temporary", "here");
    return true;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return !(error instanceof WrongKeyError);
  }
}
