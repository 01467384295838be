/**
 * Reads Server-Sent Events, as far as the gateway uses them: `data:` lines and comments.
 *
 * @module
 */

/**
 * Reads the data of each complete event. What is cut off before its empty line is no event and is left out; a parser
 * that hands it over at the end would pass half an envelope for a forged one.
 *
 * @param chunks the body, however it is cut
 */
export async function* readEventData(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let line = "";
  let data: string | undefined;
  for await (const chunk of chunks) {
    // Only what is new is searched for line ends: an event can be megabytes long, in many chunks.
    const [end = "", ...next] = decoder.decode(chunk, { stream: true }).split("\n");
    line += end;
    for (const start of next) {
      const text = line.endsWith("\r") ? line.slice(0, -1) : line;
      line = start;
      if (text.startsWith("data:")) {
        const value = text.slice(text[5] === " " ? 6 : 5);
        data = data === undefined ? value : `${data}\n${value}`;
      } else if (text === "" && data !== undefined) {
        yield data;
        data = undefined;
      }
    }
  }
}
