/** One thing to try on the gateway, and what may come of it. */
import type { Exchange } from "../../src/protocol/exchange.ts";
import type { RawAnswer } from "./raw_connection.ts";

/** Which of the two ports. */
export type Port = "public" | "metrics";

/** Something to put on the line. */
export interface Attempt {
  /** What kind of thing it is, for the tables and for whoever reads of a fault. */
  readonly kind: string;
  /** Where it goes. */
  readonly port: Port;
  /** What is sent. */
  readonly bytes: Uint8Array;
  /** How many answers must come; undefined for what may as well be left without one. */
  readonly answers?: number;
  /** What a sealed answer opens with, one for each answer; an answer without one must be plain. */
  readonly exchanges?: readonly Exchange[];
  /** Whether it must not run, whatever comes back. */
  readonly mustFail?: boolean;
  /** Whether the gateway itself must refuse it, before it asks a broker or Jeedom. */
  readonly mustRefuse?: boolean;
  /** The HTTP status that must come. */
  readonly mustHaveStatus?: number;
  /** A text that the answer must hold, once it is opened. */
  readonly mustSay?: string;
  /** The very body that must come: the first answer to what is sent again. Nothing runs again. */
  readonly mustRepeat?: string;
  /** Whether it must succeed: if such ones fail, the rest proves nothing. */
  readonly mustSucceed?: boolean;
  /** Whether the answers have no body, as those to `HEAD`. */
  readonly headOnly?: boolean;
  /** Whether it goes over a connection that is kept, as those of most requests. */
  readonly kept?: boolean;
  /** Makes what is sent next, from the answer; only where it succeeded. */
  readonly next?: (answer: RawAnswer) => Attempt[] | Promise<Attempt[]>;
  /** How many events of a stream to read; one by default. */
  readonly events?: number;
  /** Whether to hang up as soon as everything is sent. */
  readonly hangUp?: boolean;
}
