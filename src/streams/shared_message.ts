/**
 * Messages that a service passes to many listeners.
 *
 * @module
 */
import type { Position } from "../protocol/event.ts";

/** Message for all listeners that may receive it: one object for all of them, which identifies it. */
export interface SharedMessage {
  /** Position in the history. */
  readonly position: Position;
  /** Topic. */
  readonly topic: string;
  /** Payload as text, or as bytes if it is not UTF-8. */
  readonly payload: string | Uint8Array;
  /** Length of the payload, in bytes. */
  readonly payloadBytes: number;
  /** Quality of service: 0, 1 or 2. */
  readonly qos: number;
  /** True for a message from before the subscription. */
  readonly retain: boolean;
  /** Time of its arrival, in milliseconds since 1970. */
  readonly receivedAt: number;
}
