/**
 * Headers of requests and of answers.
 *
 * @module
 */
import { FieldError } from "../../protocol/payload.ts";

/** Headers as they are sent: names in lower case, and values. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** Most headers of a request. */
const MAX_HEADERS = 32;

/** Longest value of a header, in characters. */
const MAX_VALUE_LENGTH = 4096;

/** Most bytes of the headers of an answer. */
export const MAX_ANSWER_HEADERS_LENGTH = 64 * 1024;

/** Headers of the connection, and those that frame the message (RFC 9110, section 7.6.1). */
const FRAMING =
  /^(?:host|content-length|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|via|accept-encoding|content-encoding|proxy-.*|http2-settings|alt-used)$/;

/** Headers by which some servers take a request for one of another method, path, client or user. */
const MISLEADING =
  /^(?:forwarded|x-forwarded.*|x-real-ip|x-client-ip|client-ip|x-cluster-client-ip|true-client-ip|cf-.*|x-(?:http-)?(?:method|host).*|x-original-.*|x-rewrite-.*|(?:x-)?remote-.*|x-authenticated-.*|x-auth-request-.*|sec-.*)$/;

/** Headers of a connection, which mean nothing to the client behind the gateway. */
const OF_CONNECTION: readonly string[] = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "alt-svc",
];

/** Returns why a header of a target is refused, as text that follows its name; undefined if it may be sent. */
export function headerFault(name: string, value: string): string | undefined {
  if (!/^[!#$%&'*+\-.^`|~\w]{1,64}$/.test(name)) return "must have the name of a header";
  if (FRAMING.test(comparable(name))) return "is not a header that can be set";
  if (value.length > MAX_VALUE_LENGTH) return `must have at most ${MAX_VALUE_LENGTH} characters`;
  return /^[\x20-\x7e\t]*$/.test(value) ? undefined : "must hold ASCII characters alone";
}

/** Returns the name of a header in the spelling for comparison: servers with CGI read an underscore as a dash. */
function comparable(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/**
 * Parses the headers of a request.
 *
 * @throws {FieldError} if one may not be sent
 */
export function parseHeaders(headers: Readonly<Record<string, unknown>>): HeaderList {
  const entries = Object.entries(headers);
  if (entries.length > MAX_HEADERS) {
    throw new FieldError(`Invalid field: headers: must be at most ${MAX_HEADERS}`);
  }
  const names = new Set<string>();
  return entries.map(([given, value]) => {
    const text = typeof value === "number" ? String(value) : value;
    if (typeof text !== "string") throw new FieldError("Invalid field: headers: must have texts as values");
    const isMisleading = MISLEADING.test(comparable(given));
    const fault = isMisleading ? "is not a header that a request may set" : headerFault(given, text);
    if (fault !== undefined) throw new FieldError(`Invalid field: headers: ${given.slice(0, 64)} ${fault}`);
    const name = comparable(given);
    if (names.has(name)) throw new FieldError(`Invalid field: headers: ${given} must be given once`);
    names.add(name);
    return [given.toLowerCase(), text];
  });
}

/**
 * Joins the headers of the gateway with those of a request.
 *
 * @throws {FieldError} if the request sets one that the gateway sets
 */
export function joinHeaders(own: HeaderList, given: HeaderList): HeaderList {
  const names = new Set(own.map(([name]) => comparable(name)));
  const taken = given.find(([name]) => names.has(comparable(name)));
  if (taken !== undefined) throw new FieldError(`Invalid field: headers: ${taken[0]} is set by the gateway`);
  return [...own, ...given];
}

/** Headers of an answer that are kept from the client. */
export interface KeptHeaders {
  /** True for answers to requests with a login of the gateway: a session of it would work as well as the login. */
  readonly hasLogin: boolean;
  /** Secrets of the gateway: a header that repeats one is left out. */
  readonly secrets: readonly string[];
}

/** Returns the headers of an answer for the client: names in lower case, several `Set-Cookie` joined by line ends. */
export function answerHeaders(headers: Headers, { hasLogin, secrets }: KeptHeaders): Record<string, string> {
  // Without a prototype: a name may be __proto__.
  const result: Record<string, string> = Object.create(null);
  const named = (headers.get("Connection") ?? "").toLowerCase().split(",").map((name) => name.trim());
  for (const [name, value] of headers) {
    if (OF_CONNECTION.includes(name) || named.includes(name) || (hasLogin && name === "set-cookie")) continue;
    if (secrets.some((secret) => value.includes(secret))) continue;
    const before = result[name];
    result[name] = before === undefined ? value : `${before}\n${value}`;
  }
  return result;
}

/** Returns the length of the headers of an answer, in characters. */
export function headersLength(headers: Headers): number {
  let length = 0;
  for (const [name, value] of headers) length += name.length + value.length;
  return length;
}
