/**
 * The bounds of the gateway, and what is counted against them.
 *
 * @module
 */
import { ConcurrencyLimiter } from "../limits/concurrency_limiter.ts";
import { Room } from "../limits/room.ts";
import { BodyReader } from "../http/body_reader.ts";
import { MemoryBudget } from "../limits/memory_budget.ts";

/** Most bytes that large requests take from when they are opened until they are answered. */
const MAX_WEIGHT_BYTES = 96 * 2 ** 20;

/** The same for each key. */
const MAX_WEIGHT_BYTES_PER_KEY = 32 * 2 ** 20;

/** Bounds in seconds, milliseconds, bytes and counts, as their names say. */
export interface GatewayLimits {
  /** Most bodies to wait for at a time. */
  readonly maxBodies: number;
  /** The same for each address, of those that take their time. */
  readonly maxBodiesPerAddress: number;
  /** Most requests that an address may have under way. */
  readonly maxRequestsPerAddress: number;
  /** Most opened requests under way at a time. */
  readonly maxRequests: number;
  /** The same for each key. */
  readonly maxRequestsPerKey: number;
  /** Most streams open at a time. */
  readonly maxStreams: number;
  /** The same for each key. */
  readonly maxStreamsPerKey: number;
  /** How far a timestamp may be from the clock. */
  readonly maxAgeSeconds: number;
  /** Largest body to read. */
  readonly maxBodyBytes: number;
  /** Longest wait for a whole body. */
  readonly bodyTimeoutMs: number;
  /** Bytes of events to hold for a listener. */
  readonly maxQueueBytes: number;
  /** Bytes of events to hold beyond that for all listeners; half of it for those of a key. */
  readonly maxBacklogBytes: number;
  /** Bytes of large answers to hold for all clients that read them; half of it for those of a key. */
  readonly maxUnreadBytes: number;
  /** Largest payload of a message to pass on. */
  readonly maxEventBytes: number;
  /** Longest time without reading for a listener for which more than `maxQueueBytes` wait. */
  readonly stallTimeoutMs: number;
  /** Longest silence of a stream. */
  readonly keepAliveMs: number;
}

/** What is under way, and what waits. */
export interface Limiters {
  /** Bodies on their way. */
  readonly bodies: BodyReader;
  /** Requests of each address; not all together, or a few addresses could shut out the others. */
  readonly addressLimiter: ConcurrencyLimiter;
  /** Opened requests of each key, and in all. */
  readonly requestLimiter: ConcurrencyLimiter;
  /** Bytes that large requests under way take, of each key, and in all. */
  readonly largeRequests: Room;
  /** Streams of each key, and in all. */
  readonly streamLimiter: ConcurrencyLimiter;
  /** What waits for listeners beyond `maxQueueBytes` for each. */
  readonly backlog: MemoryBudget;
  /** What waits of large answers. */
  readonly unread: MemoryBudget;
}

/**
 * Makes the places of a gateway in which nothing is under way.
 *
 * @param monotonic a clock that never jumps, in milliseconds
 */
export function createLimiters(
  limits: GatewayLimits,
  { monotonic = () => performance.now() }: { readonly monotonic?: () => number } = {},
): Limiters {
  return {
    bodies: new BodyReader(limits, monotonic),
    addressLimiter: new ConcurrencyLimiter({ each: limits.maxRequestsPerAddress }),
    requestLimiter: new ConcurrencyLimiter({ total: limits.maxRequests, each: limits.maxRequestsPerKey }),
    largeRequests: new Room({ total: MAX_WEIGHT_BYTES, each: MAX_WEIGHT_BYTES_PER_KEY }),
    streamLimiter: new ConcurrencyLimiter({ total: limits.maxStreams, each: limits.maxStreamsPerKey }),
    backlog: new MemoryBudget(limits.maxBacklogBytes),
    unread: new MemoryBudget(limits.maxUnreadBytes),
  };
}
