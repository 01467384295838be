/** Progress of long commands on standard error; only the report goes to standard output. */

/** Prints a line of progress with the time of day. */
export function reportProgress(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${new Date().toISOString().slice(11, 19)} ${text}\n`));
}

/** Clock and output of progress. */
export interface ProgressOptions {
  /** Monotonic clock, in milliseconds. */
  readonly monotonic?: () => number;
  /** Receives each line. */
  readonly report?: (text: string) => void;
}

/** Counter of the steps of a command, with an estimate of the remaining time. */
export class Progress {
  readonly #steps: number;
  readonly #monotonic: () => number;
  readonly #report: (text: string) => void;
  readonly #began: number;
  #begun = 0;

  /** @param steps number of steps, each of about the same duration */
  constructor(steps: number, { monotonic = () => performance.now(), report = reportProgress }: ProgressOptions = {}) {
    this.#steps = steps;
    this.#monotonic = monotonic;
    this.#report = report;
    this.#began = monotonic();
  }

  /** Reports the next step: `[3/12] jeedom-killed, 40 s so far, about 3 min left`. */
  step(name: string): void {
    const done = this.#begun++;
    const passed = this.#monotonic() - this.#began;
    const left = passed / done * (this.#steps - done);
    const times = done === 0 ? "" : `, ${formatDuration(passed)} so far, about ${formatDuration(left)} left`;
    this.#report(`[${this.#begun}/${this.#steps}] ${name}${times}`);
  }
}

/** Formats a duration in milliseconds: in seconds below two minutes, in minutes above. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
