/**
 * Fields of an HTTP request: one to a target, or one to a URL, as the original author's newer gateway has it.
 *
 * @module
 */
import { z } from "zod";
import { plainNumber } from "../../lib/exact_json.ts";
import { isObject } from "../../lib/json.ts";
import { hostOf, isHost } from "../../net/host.ts";
import { FieldError, parseFields, type Payload } from "../../protocol/payload.ts";
import { type HeaderList, parseHeaders } from "./headers.ts";
import { pathFault } from "./path.ts";
import { isTargetName, type Method, METHODS, TARGET_RULE } from "./section.ts";

/** Part of a request that does not depend on where it goes. */
export interface HttpContent {
  /** Method. */
  readonly method: Method;
  /** Headers that the request sets. */
  readonly headers: HeaderList;
  /** Body; undefined for none. */
  readonly body: string | undefined;
  /** True for an answer as bytes in base64. */
  readonly isRaw: boolean;
  /** Longest wait for the answer that the request asks for, in seconds; undefined for the usual one. */
  readonly timeout: number | undefined;
}

/** Request to a target of the services file. */
export interface TargetRequest extends HttpContent {
  /** Distinguishes it from a request to a URL. */
  readonly kind: "target";
  /** Name of the target. */
  readonly target: string;
  /** Path below that of the target; it has one reading only. */
  readonly path: string;
  /** Query without the question mark; empty for none. */
  readonly query: string;
}

/** Request to a URL. */
export interface UrlRequest extends HttpContent {
  /** Distinguishes it from a request to a target. */
  readonly kind: "url";
  /** URL; its path has one reading only. */
  readonly url: URL;
}

/** Request that the service executes. */
export type HttpRequest = TargetRequest | UrlRequest;

/** Longest URL and longest query, in characters. */
const MAX_URL_LENGTH = 8192;

/** Most parameters of a query. */
const MAX_PARAMETERS = 100;

const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);

const METHOD_RULE = `must be one of: ${METHODS.join(", ")}`;

const schema = z.object({
  target: optional(z.string(TARGET_RULE).refine(isTargetName, TARGET_RULE)),
  path: optional(z.string("must be a text")),
  query: optional(z.custom<Readonly<Record<string, unknown>>>(isObject, "must be an object")),
  url: optional(z.string("must be a text").max(MAX_URL_LENGTH, "is too long")),
  host: optional(z.string("must be a text").max(300, "is too long")),
  endpoint: optional(z.string("must be a text").max(MAX_URL_LENGTH, "is too long")),
  method: optional(z.string(METHOD_RULE).toUpperCase().pipe(z.enum(METHODS, METHOD_RULE))),
  headers: optional(z.custom<Readonly<Record<string, unknown>>>(isObject, "must be an object")),
  body: z.unknown().optional(),
  raw: optional(z.boolean("must be true or false")),
  timeout: optional(z.number("must be a number of seconds").positive("must be more than 0 seconds")),
});

/** Returns whether a request that names no service is for this one: it has a URL, or a host and an endpoint. */
export function claims({ jsonrpc, url, host, endpoint }: Payload): boolean {
  const isGiven = (field: unknown) => field !== undefined && field !== null;
  return !isGiven(jsonrpc) && (isGiven(url) || (isGiven(host) && isGiven(endpoint)));
}

/**
 * Parses the fields of a request.
 *
 * @throws {FieldError} naming the field that is missing or wrong
 */
export function parseHttpRequest(payload: Payload): HttpRequest {
  const { target, path, query, url, host, endpoint, ...fields } = parseFields(schema, payload, { required: [] });
  const isUrl = url !== undefined || host !== undefined;
  const method = fields.method ?? (isUrl ? "POST" : "GET");
  const content: HttpContent = {
    method,
    headers: parseHeaders(fields.headers ?? {}),
    body: bodyText(fields.body, method),
    isRaw: fields.raw ?? false,
    timeout: fields.timeout,
  };
  if (!isUrl) {
    if (target === undefined) throw new FieldError("Missing required field: target");
    if (path === undefined) throw new FieldError("Missing required field: path");
    const fault = pathFault(path);
    if (fault !== undefined) throw new FieldError(`Invalid field: path: ${fault}`);
    return { ...content, kind: "target", target, path, query: queryText(query ?? {}) };
  }
  if (target !== undefined) throw new FieldError("Invalid field: target: must not be given with url or host");
  if (path !== undefined) throw new FieldError("Invalid field: path: must be part of url or endpoint");
  if (query !== undefined) throw new FieldError("Invalid field: query: must be part of url or endpoint");
  if (url !== undefined) return { ...content, kind: "url", url: parseRequestUrl(url, "url") };
  if (endpoint === undefined) throw new FieldError("Missing required field: endpoint");
  return { ...content, kind: "url", url: parseRequestUrl(joinUrl(host ?? "", endpoint), "endpoint") };
}

/** Joins a host, with or without a scheme, and an endpoint. */
export function joinUrl(host: string, endpoint: string): string {
  const server = /^[a-z]+:\/\//i.test(host) ? host : `http://${host}`;
  return server.replace(/\/$/, "") + (endpoint.startsWith("/") ? endpoint : `/${endpoint}`);
}

/**
 * Parses a URL that is sent as it is written: a URL parser would join `..`, drop line ends, and turn backslashes.
 * It encodes spaces and characters beyond ASCII.
 *
 * @param field name of the field, for the error
 * @throws {FieldError} if it is not an address of HTTP, has a login or a fragment, or a path with several readings
 */
export function parseRequestUrl(text: string, field: string): URL {
  const fail = (fault: string): never => {
    throw new FieldError(`Invalid field: ${field}: ${fault}`);
  };
  const match = /^https?:\/\/([^/?#\\@\s]+)(\/[^?#]*)?(?:\?([^#]*))?$/i.exec(text);
  const url = URL.parse(text);
  if (match === null || url === null || text.length > MAX_URL_LENGTH) {
    return fail("must be an address such as http://192.168.1.20/api, without login and fragment");
  }
  if (!isHost(hostOf(url))) fail("must have a host name or an address");
  const [, , path = "/", query = ""] = match;
  const sentPath = encodeOthers(path);
  const fault = pathFault(sentPath);
  if (fault !== undefined) fail(`path ${fault}`);
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f\\]/.test(query)) fail("query must have no backslashes and control characters");
  if (url.pathname !== sentPath) fail("path must have one spelling only");
  return url;
}

/** Encodes spaces and characters beyond ASCII in a path, as each URL parser does. */
function encodeOthers(path: string): string {
  return path.toWellFormed().replaceAll(/[ \u0080-\u{10ffff}]+/gu, encodeURIComponent);
}

/** Returns the body as it is sent: a text as it is, any other value as JSON. */
function bodyText(body: unknown, method: Method): string | undefined {
  if (body === undefined || body === null || body === "") return undefined;
  if (method === "GET" || method === "HEAD") {
    throw new FieldError(`Invalid field: body: must be absent with the method ${method}`);
  }
  return typeof body === "string" ? body : JSON.stringify(body);
}

/** Returns the text of a query from its parameters: texts, numbers and booleans, or lists of them. */
function queryText(query: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(query).flatMap(([name, given]) =>
    (Array.isArray(given) ? given : [given]).map((value: unknown): readonly [string, string] => [
      name,
      parameterText(name, plainNumber(value)),
    ])
  );
  if (pairs.length > MAX_PARAMETERS) {
    throw new FieldError(`Invalid field: query: must have at most ${MAX_PARAMETERS} parameters`);
  }
  const text = pairs.map((pair) => pair.map(encodeText).join("=")).join("&");
  if (text.length > MAX_URL_LENGTH) throw new FieldError("Invalid field: query: is too long");
  return text;
}

function parameterText(name: string, value: unknown): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
  throw new FieldError(`Invalid field: query: ${name.slice(0, 64)} must be a text, a number, true or false, or a list`);
}

/** Encodes a text for a query, also what `encodeURIComponent` leaves to URL parsers. */
function encodeText(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll("'", "%27");
}
