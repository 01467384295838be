/**
 * Messages as the screen keeps them.
 *
 * @module
 */
import type { StreamService } from "../../../connection/home_streams.ts";

/** Message of a stream, at the time at which it came. */
export interface Message {
  /** Service that it comes from. */
  readonly service: StreamService;
  /** Topic, or entity. */
  readonly topic: string;
  /** Payload as text; null where it is not UTF-8. */
  readonly payload: string | null;
  /** Payload in base64, only where it is not UTF-8. */
  readonly base64?: string | undefined;
  /** Quality of service of the delivery. */
  readonly qos: number;
  /** True if the broker had retained it before the subscription. */
  readonly isRetained: boolean;
  /** Time, in milliseconds since 1970. */
  readonly at: number;
}

/** Memory beside the payload that one message is counted with, in bytes. */
const OVERHEAD_BYTES = 200;

/** Returns about how much memory a message takes, in bytes. */
export function bytesOf({ payload, base64 }: Pick<Message, "payload" | "base64">): number {
  return OVERHEAD_BYTES + 2 * (payload?.length ?? 0) + (base64?.length ?? 0);
}

/** Returns how many bytes the payload has; of text it is an estimate, exact for ASCII. */
export function payloadBytes({ payload, base64 }: Pick<Message, "payload" | "base64">): number {
  if (base64 === undefined) return payload?.length ?? 0;
  return base64.length / 4 * 3 - (base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0);
}
