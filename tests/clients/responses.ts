/** What happens to requests at a made-up gateway, again and again, and the events for that. */
import type { Fate } from "./fake_gateway.ts";

/** Connects, and breaks off. */
export const breakOff: Fate = (visit) => visit.connect();

/** Closes the connection without a word. */
export const hangUp: Fate = () => Promise.resolve();

/** Answers with a status and the words of a gateway, or of a proxy. */
export const refuse =
  (status: number, text = '{"error":"No"}', headers?: Readonly<Record<string, string>>): Fate => (visit) =>
    visit.answer(status, text, headers);

/** Sends messages, then events, and ends the stream as a gateway does. */
export const serve = (last: number, ...events: readonly unknown[]): Fate => async (visit) => {
  await visit.serve(last);
  await visit.send(...events);
  await visit.end();
};

/** Sends messages, and leaves the stream open. */
export const stay = (last: number): Fate => async (visit) => {
  await visit.serve(last);
  await visit.left();
};

/** Ends a stream before it was connected. */
export const endAtOnce = (event: unknown): Fate => async (visit) => {
  await visit.begin();
  await visit.send(event);
  await visit.end();
};

/** An event that ends a stream because something failed. */
export const error = (text: string, fields = {}) => ({ type: "error", message: text, timestamp: 1, ...fields });

/** An event that ends a stream whose broker went away. */
export const disconnected = (text: string) => ({ type: "disconnected", message: text, timestamp: 1 });

/** What ends a stream of version 2 when the gateway stops. */
export const end = { type: "end", reason: "restart", message: "Gateway is shutting down", timestamp: 1 };
