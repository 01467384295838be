/** What is published in a fan-out test: enough to know what is missing, doubled, out of order, and how late it is. */

/** One message. */
export interface Payload {
  /** Which publishing it belongs to. */
  readonly run: number;
  /** Its place in it, from 0. */
  readonly sequence: number;
  /** When it was published, in milliseconds since 1970, fractions included. */
  readonly at: number;
}

/** The topic of all messages. */
export const TOPIC = "bench/fanout/temperature";

/** The wall clock with fractions of a millisecond, the same in all processes of this machine. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

/** The payload as text, as long as what a sensor sends. */
export function formatPayload(payload: Payload): string {
  return JSON.stringify({ ...payload, sensor: "living room", temperature: 21.5 });
}

/** Reads a payload. */
export function parsePayload(text: string): Payload {
  return JSON.parse(text);
}
