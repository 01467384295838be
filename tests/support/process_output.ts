/** The lines that a process prints, to wait for and to look at. */
export class ProcessOutput {
  readonly lines: string[] = [];
  readonly ended: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #done = false;

  constructor(child: Deno.ChildProcess) {
    this.ended = Promise.all([this.#read(child.stdout), this.#read(child.stderr)]).then(() => {
      this.#done = true;
      this.#wake();
    });
  }

  /** Everything so far. */
  get text(): string {
    return this.lines.join("\n");
  }

  /** Waits for a line; fails with everything that was printed when the process ends, or 60 s pass, without it. */
  async line(wanted: (line: string) => boolean): Promise<string> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, 60_000);
    try {
      for (;;) {
        const line = this.lines.find(wanted);
        if (line !== undefined) return line;
        if (this.#done || late) throw new Error(`Line not printed. There was:\n${this.text}`);
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      this.lines.push(...parts);
      this.#wake();
    }
    if (rest !== "") this.lines.push(rest);
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
