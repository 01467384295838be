/** Cuts text into its lines. */

/** Turns pieces of text into lines without their ends; what follows the last end is no line. */
export class TextLineStream extends TransformStream<string, string> {
  /** Makes the stream. */
  constructor() {
    let rest = "";
    super({
      transform(text, lines) {
        const parts = (rest + text).split("\n");
        rest = parts.pop() ?? "";
        for (const part of parts) lines.enqueue(part);
      },
    });
  }
}
