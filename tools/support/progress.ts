/** Progress of long commands, on standard error: the report alone goes to standard output. */

/** Says how far a command is, with the time of day. */
export function reportProgress(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${new Date().toISOString().slice(11, 19)} ${text}\n`));
}

/** Clock and output of progress. */
export interface ProgressOptions {
  /** A clock that only goes forward, in milliseconds. */
  readonly monotonic?: () => number;
  /** Takes a line. */
  readonly tell?: (text: string) => void;
}

/** Counts the steps of a command, and estimates its end from those that are done. */
export class Progress {
  readonly #steps: number;
  readonly #monotonic: () => number;
  readonly #tell: (text: string) => void;
  readonly #began: number;
  #begun = 0;

  /** Begins a command of so many steps, which take about as long as each other. */
  constructor(steps: number, { monotonic = () => performance.now(), tell = reportProgress }: ProgressOptions = {}) {
    this.#steps = steps;
    this.#monotonic = monotonic;
    this.#tell = tell;
    this.#began = monotonic();
  }

  /** Says which step begins: `[3/12] jeedom-killed, 40 s so far, about 3 min left`. */
  step(name: string): void {
    const done = this.#begun++;
    const passed = this.#monotonic() - this.#began;
    const left = passed / done * (this.#steps - done);
    const times = done === 0 ? "" : `, ${formatSpan(passed)} so far, about ${formatSpan(left)} left`;
    this.#tell(`[${this.#begun}/${this.#steps}] ${name}${times}`);
  }
}

/** Writes a span of milliseconds in seconds, or from two minutes on in minutes. */
export function formatSpan(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
