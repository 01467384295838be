/** Reads the event stream of a subscription. */
import type { Exchange } from "../../src/protocol/exchange.ts";
import { StreamOpener } from "../../src/protocol/v2/stream.ts";
import type { Phone } from "./gateway.ts";

/** Subscribes and returns a reader of single events. */
export async function subscribe(phone: Phone, payload: Record<string, unknown>) {
  const { response, exchange } = await phone.exchange("/mqtt/subscribe", payload);
  return { response, exchange, ...await listen(phone, response, exchange) };
}

/** Returns a reader of single events of a response. */
export async function listen(phone: Phone, { body }: Response, exchange: Exchange) {
  if (body === null) throw new Error("Response has no body");
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";

  /** Reads the next record; undefined at the end of the stream. */
  async function record(): Promise<string | undefined> {
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end >= 0) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        return block;
      }
      const { done, value } = await reader.read();
      if (done) return undefined;
      text += value;
    }
  }

  async function makeOpen(): Promise<(block: string) => Promise<unknown>> {
    if (exchange.version === 1) return (block) => phone.open(block.replace(/^data: /, ""));
    const [, opening = ""] = /^event: open\ndata: (.*)$/.exec(await record() ?? "") ?? [];
    const opener = await StreamOpener.begin(exchange, opening);
    return async (block) => {
      const [, id = "", data = ""] = /^id: (.*)\ndata: (.*)$/.exec(block) ?? [];
      return JSON.parse(await opener.open(data, id));
    };
  }

  const open = await makeOpen();
  return {
    record,
    /** Reads and decrypts the next event; undefined at the end of the stream. */
    async next(): Promise<Record<string, unknown> | undefined> {
      const block = await record();
      if (block === undefined) return undefined;
      const event = await open(block);
      if (typeof event !== "object" || event === null) throw new Error("Event is no object");
      return { ...event };
    },
    cancel: () => reader.cancel(),
  };
}
