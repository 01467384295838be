/** Fuzz request with the expectations on its answer. */
import type { Exchange } from "../../src/protocol/exchange.ts";
import type { RawAnswer } from "./raw_connection.ts";

/** Port of the gateway. */
export type Port = "public" | "metrics";

/** Request to send. */
export interface FuzzRequest {
  /** Kind, for tables and fault descriptions. */
  readonly kind: string;
  /** Port that it is sent to. */
  readonly port: Port;
  /** Bytes to send. */
  readonly bytes: Uint8Array;
  /** Number of required answers; undefined if an answer is optional. */
  readonly answers?: number;
  /** Exchanges that open the sealed answers, one each; an answer without one must be plain. */
  readonly exchanges?: readonly Exchange[];
  /** True if it must not be executed, whatever the answer. */
  readonly mustFail?: boolean;
  /** True if the gateway itself must refuse it, before it contacts a broker or Jeedom. */
  readonly mustRefuse?: boolean;
  /** Required HTTP status. */
  readonly mustHaveStatus?: number;
  /** Text that the opened answer must contain. */
  readonly mustContain?: string;
  /** Required body: the answer to the first of two identical requests, which must not be executed again. */
  readonly mustRepeat?: string;
  /** True if it must succeed; otherwise the rest of the run proves nothing. */
  readonly mustSucceed?: boolean;
  /** True if the answers have no body, as those to `HEAD`. */
  readonly headOnly?: boolean;
  /** True if it may be sent over a reused connection. */
  readonly reusesConnection?: boolean;
  /** Makes follow-up requests from the answer, if it was successful. */
  readonly next?: (answer: RawAnswer) => FuzzRequest[] | Promise<FuzzRequest[]>;
  /** Number of events to read from a stream; 1 by default. */
  readonly events?: number;
  /** True to close the connection as soon as everything is sent. */
  readonly disconnects?: boolean;
}
