/** One replica of the gateway, which can be killed, frozen and cut off from Redis. */
import { errorText } from "../../../src/lib/errors.ts";
import type { GatewayProcess } from "../../../tests/support/gateway_process.ts";
import { CRASHES } from "../environment.ts";
import { parsePrometheusText } from "../../../tests/support/prometheus_text.ts";
import type { ToxicProxy } from "../../../tests/support/toxic_proxy.ts";

/** Longest wait for the metrics of a replica, in milliseconds. */
const METRICS_TIMEOUT_MS = 1000;

/** Gauge that is 1 at the replica that writes the log. */
const WRITER_GAUGE = "e2e_gateway_log_writer";

/** Parts of a replica. */
export interface ReplicaOptions {
  /** Its link to Redis. */
  readonly link: ToxicProxy;
  /** Starts the process at its port. */
  readonly start: () => Promise<GatewayProcess>;
}

/** Process that is started again at the same port. */
export class Replica {
  readonly name: string;
  readonly link: ToxicProxy;
  readonly #start: () => Promise<GatewayProcess>;
  readonly #faults: string[] = [];
  #process: GatewayProcess | undefined;
  /** False while it is killed on purpose. */
  #mustRun = false;

  constructor(name: string, { link, start }: ReplicaOptions) {
    this.name = name;
    this.link = link;
    this.#start = start;
  }

  /** Port for requests; of its last process. */
  get port(): number {
    return Number(new URL(this.#running.url).port);
  }

  /** Unexpected exits, and log lines that indicate a crash. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  /** Starts it. */
  async start(): Promise<void> {
    const process = await this.#start();
    this.#process = process;
    this.#mustRun = true;
    process.output.ended.then(() => {
      const { lines } = process.output;
      if (this.#mustRun && this.#process === process) this.#faults.push(`${this.name} exited: ${lines.at(-1)}`);
      this.#faults.push(
        ...lines.filter((line) => CRASHES.test(line)).slice(0, 3).map((line) => `${this.name}: ${line}`),
      );
    });
  }

  /** Ends it at once, as a power failure does. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Ends it as an update does, and waits until it has. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async #end(signal: Deno.Signal): Promise<void> {
    if (!this.#mustRun) return;
    this.#mustRun = false;
    const { pid } = this.#running;
    // A frozen process reads no signal but this one.
    Deno.kill(pid, "SIGCONT");
    try {
      await this.#running.stop(signal);
    } catch (error) {
      this.#faults.push(`${this.name}: ${errorText(error)}`);
    }
  }

  /** Sends it a signal. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    Deno.kill(this.#running.pid, signal);
  }

  /** Returns whether it holds the lease of the log; false if it does not answer. */
  async isWriter(): Promise<boolean> {
    try {
      const response = await fetch(`${this.#running.metricsUrl}/metrics`, {
        signal: AbortSignal.timeout(METRICS_TIMEOUT_MS),
      });
      return parsePrometheusText(await response.text()).get(WRITER_GAUGE)?.samples.some(({ value }) => value === 1) ??
        false;
    } catch {
      return false;
    }
  }

  get #running(): GatewayProcess {
    if (this.#process === undefined) throw new Error(`${this.name} was never started`);
    return this.#process;
  }
}
