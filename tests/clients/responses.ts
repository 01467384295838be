/** Responses of a fake gateway, and their events. */
import type { Respond } from "./tcp_gateway.ts";

/** Connects, and breaks off. */
export const breakOff: Respond = (request) => request.connect();

/** Closes the connection without an answer. */
export const closeConnection: Respond = () => Promise.resolve();

/** Answers with a status and the text of a gateway, or of a proxy. */
export const refuse =
  (status: number, text = '{"error":"No"}', headers?: Readonly<Record<string, string>>): Respond => (request) =>
    request.answer(status, text, headers);

/** Sends messages, then events, and ends the stream as a gateway does. */
export const serve = (last: number, ...events: readonly unknown[]): Respond => async (request) => {
  await request.serve(last);
  await request.send(...events);
  await request.end();
};

/** Sends messages, and leaves the stream open. */
export const stay = (last: number): Respond => async (request) => {
  await request.serve(last);
  await request.closed();
};

/** Ends a stream before it was connected. */
export const endAtOnce = (event: unknown): Respond => async (request) => {
  await request.begin();
  await request.send(event);
  await request.end();
};

/** An event that ends a stream because something failed. */
export const error = (text: string, fields = {}) => ({ type: "error", message: text, timestamp: 1, ...fields });

/** An event that ends a stream whose broker disconnected. */
export const disconnected = (text: string) => ({ type: "disconnected", message: text, timestamp: 1 });

/** Event that ends a stream of version 2 when the gateway stops. */
export const end = { type: "end", reason: "restart", message: "Gateway is shutting down", timestamp: 1 };
