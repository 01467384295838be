/**
 * Log lines that are written together.
 *
 * @module
 */
/** Takes records of the log. */
export interface LineSink<Entry> extends Disposable {
  /** Takes one; it is written a little later. */
  (entry: Entry): void;
}

/**
 * Makes a sink that writes the lines of one turn of the event loop in one go. A write to a console waits for the
 * system; with a line for each request, it was a tenth of all that the gateway did.
 *
 * @param write writes some lines, the last one without its end
 */
export function createLineSink<Entry>(
  formatter: (entry: Entry) => string,
  write: (lines: string) => void,
): LineSink<Entry> {
  let lines = "";
  let timer: ReturnType<typeof setTimeout> | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (lines === "") return;
    const text = lines;
    lines = "";
    write(text.replace(/\r?\n$/, ""));
  }

  const sink = (entry: Entry) => {
    lines += formatter(entry);
    timer ??= setTimeout(flush);
  };
  // LogTape calls this at the end of the process.
  return Object.assign(sink, { [Symbol.dispose]: flush });
}
