/** Polls the readiness of the gateway and replays recorded requests, while the load runs. */
import { setTimeout as pause } from "node:timers/promises";
import type { GatewayProcess } from "../../tests/support/gateway_process.ts";
import type { ChaosEnvironment } from "./environment.ts";
import type { Load } from "./load.ts";

/** Pause between two polls, in milliseconds. */
const PAUSE_MS = 50;

/** Number of last requests that are replayed each time. */
const REPLAYED = 40;

/** Readiness that a gateway reports; `unreachable` without an answer. */
type Readiness = "ready" | "unavailable" | "unreachable";

/** Runs until `stop()`. */
export class Monitor {
  #readiness: Readiness = "unreachable";
  #wasUnready = false;
  #isStopped = false;
  readonly #running: Promise<unknown>;

  /** Starts the monitor. */
  constructor(environment: ChaosEnvironment, load: Load) {
    this.#running = Promise.all([
      this.#repeat(async () => {
        this.#readiness = await readinessOf(environment.gateway);
        this.#wasUnready ||= this.#readiness === "unavailable";
      }),
      this.#repeat(() => load.replayer.replayLast(REPLAYED)),
    ]);
  }

  /** True if the gateway reports that it is ready. */
  get isReady(): boolean {
    return this.#readiness === "ready";
  }

  /** True if the gateway reported that it was not ready since the last `reset()`. */
  get wasUnready(): boolean {
    return this.#wasUnready;
  }

  /** Resets `wasUnready`. */
  reset(): void {
    this.#wasUnready = false;
  }

  /** Stops the monitor. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    while (!this.#isStopped) {
      await work();
      await pause(PAUSE_MS);
    }
  }
}

async function readinessOf({ metricsUrl }: GatewayProcess): Promise<Readiness> {
  try {
    const response = await fetch(`${metricsUrl}/health/ready`, { signal: AbortSignal.timeout(2000) });
    await response.body?.cancel();
    return response.status === 200 ? "ready" : "unavailable";
  } catch {
    return "unreachable";
  }
}
