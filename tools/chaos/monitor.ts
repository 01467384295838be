/** What goes on beside the load: somebody asks whether the gateway is ready, and somebody sends recorded requests again. */
import { setTimeout as pause } from "node:timers/promises";
import type { GatewayProcess } from "../../tests/support/gateway_process.ts";
import type { TestEnvironment } from "./environment.ts";
import type { Load } from "./load.ts";

/** Pause between two looks, in milliseconds. */
const PAUSE_MS = 50;

/** How many of the last requests are sent again each time. */
const REPEATED = 40;

/** What a gateway says of itself; `silent` where it does not answer. */
type Readiness = "ready" | "unavailable" | "silent";

/** Goes on until its end. */
export class Watch {
  #readiness: Readiness = "silent";
  #wasUnready = false;
  #isOver = false;
  readonly #running: Promise<unknown>;

  /** Begins. */
  constructor(house: TestEnvironment, load: Load) {
    this.#running = Promise.all([
      this.#repeat(async () => {
        this.#readiness = await readinessOf(house.gateway);
        this.#wasUnready ||= this.#readiness === "unavailable";
      }),
      this.#repeat(() => load.recorder.repeatLast(REPEATED)),
    ]);
  }

  /** Whether the gateway says that it is ready. */
  get isReady(): boolean {
    return this.#readiness === "ready";
  }

  /** Whether it said that it is not. */
  get wasUnready(): boolean {
    return this.#wasUnready;
  }

  /** Forgets that it was not ready. */
  forget(): void {
    this.#wasUnready = false;
  }

  /** Ends it. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
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
    return "silent";
  }
}
