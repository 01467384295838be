/** A phone that listens to a stream. */
import type { Phone } from "./fixture.ts";

/** Subscribes, and reads the events one by one. */
export async function subscribe(phone: Phone, payload: Record<string, unknown>) {
  const response = await phone.ask("/mqtt/subscribe", payload);
  if (response.body === null) throw new Error("Response has no body");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    response,
    /** The next event, opened; undefined at the end of the stream. */
    async next(): Promise<Record<string, unknown> | undefined> {
      for (;;) {
        const end = text.indexOf("\n\n");
        if (end >= 0) {
          const block = text.slice(0, end);
          text = text.slice(end + 2);
          const event = await phone.open(block.replace(/^data: /, ""));
          if (typeof event !== "object" || event === null) throw new Error("Event is no object");
          return { ...event };
        }
        const { done, value } = await reader.read();
        if (done) return undefined;
        text += value;
      }
    },
    leave: () => reader.cancel(),
  };
}
