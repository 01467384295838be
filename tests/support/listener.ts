/** Reads the event stream of a subscription. */
import { readServerSentEvents, type ServerSentEvent } from "../../src/lib/sse.ts";
import type { Exchange } from "../../src/protocol/exchange.ts";
import { StreamOpener } from "../../src/protocol/v2/stream.ts";
import type { Phone } from "./gateway.ts";

/** Subscribes and returns a reader of single events. */
export async function subscribe(phone: Phone, payload: Record<string, unknown>) {
  const { response, exchange } = await phone.exchange("/mqtt/subscribe", payload);
  return { response, exchange, ...await listen(phone, response, exchange) };
}

/** Returns a reader of single events of a response. */
export async function listen(phone: Pick<Phone, "open">, { body }: Response, exchange: Exchange) {
  if (body === null) throw new Error("Response has no body");
  const reader = body.getReader();
  const records = readServerSentEvents(chunksOf(reader));

  async function makeOpen(): Promise<(record: ServerSentEvent) => Promise<unknown>> {
    if (exchange.version === 1) return ({ data = "" }) => phone.open(data);
    const { value } = await records.next();
    const opener = await StreamOpener.begin(exchange, value?.event === "open" ? value.data ?? "" : "");
    return async ({ id = "", data = "" }) => JSON.parse(await opener.open(data, id));
  }

  const open = await makeOpen();
  return {
    /** Reads and decrypts the next event; undefined at the end of the stream. */
    async next(): Promise<Record<string, unknown> | undefined> {
      const { value: record } = await records.next();
      if (record === undefined) return undefined;
      const event = await open(record);
      if (typeof event !== "object" || event === null) throw new Error("Event is no object");
      return { ...event };
    },
    cancel: () => reader.cancel(),
  };
}

async function* chunksOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for (let { value } = await reader.read(); value !== undefined; { value } = await reader.read()) yield value;
}
