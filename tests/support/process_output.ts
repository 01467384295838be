/** Lines that a process prints. */
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

  /** Output so far. */
  get text(): string {
    return this.lines.join("\n");
  }

  /**
   * Waits for a line.
   *
   * @throws {Error} with the whole output, if the process ends or 60 s pass without it
   */
  async line(matches: (line: string) => boolean): Promise<string> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, 60_000);
    try {
      for (;;) {
        const line = this.lines.find(matches);
        if (line !== undefined) return line;
        if (this.#done || isLate) throw new Error(`Line not printed. Output:\n${this.text}`);
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
