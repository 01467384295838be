/**
 * From the options `--expires` and `--min-protocol` of `keys add` and `keys set` to the fields of a key.
 *
 * @module
 */
import { parseEnd } from "../../keys/duration.ts";

/** When a key ends, and what is wrong with the option. */
export interface ExpiryFromOption {
  /** The end, in milliseconds since 1970; undefined for never. */
  readonly expires: number | undefined;
  /** Lines for the person at the console; none if all is right. */
  readonly mistakes: readonly string[];
}

/**
 * Reads `--expires`: a span from now, a day, or `never`.
 *
 * @param now the time, in milliseconds since 1970
 */
export function expiryFromOption(text: string | undefined, now: number): ExpiryFromOption {
  if (text === undefined || text === "never") return { expires: undefined, mistakes: [] };
  const expires = parseEnd(text, now);
  if (expires !== undefined) return { expires, mistakes: [] };
  const rule = "must be a span such as 90d, 24h or 30m, a day to come such as 2027-01-31, or never";
  return { expires, mistakes: [`--expires "${text}" ${rule}`] };
}

/** Oldest version of the protocol, and what is wrong with the option. */
export interface ProtocolFromOption {
  /** The version. */
  readonly minProtocol: 1 | 2;
  /** Lines for the person at the console; none if all is right. */
  readonly mistakes: readonly string[];
}

/** Reads `--min-protocol`. */
export function protocolFromOption(text: string): ProtocolFromOption {
  const minProtocol = text === "2" ? 2 : 1;
  return { minProtocol, mistakes: text === String(minProtocol) ? [] : ["--min-protocol must be 1 or 2"] };
}
