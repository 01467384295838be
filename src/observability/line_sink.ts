/**
 * Log lines that are written together.
 *
 * @module
 */
import type { Sink, TextFormatter } from "@logtape/logtape";

/**
 * Makes a sink that writes the lines of one turn of the event loop in one go. A write to a console waits for the
 * system; with a line for each request, it was a tenth of all that the gateway did.
 *
 * @param write writes some lines, the last one without its end
 */
export function createLineSink(formatter: TextFormatter, write: (lines: string) => void): Sink & Disposable {
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

  const sink: Sink = (record) => {
    lines += formatter(record);
    timer ??= setTimeout(flush);
  };
  // LogTape calls this at the end of the process.
  return Object.assign(sink, { [Symbol.dispose]: flush });
}
