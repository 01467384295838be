/**
 * JSON bodies of the Admin page's requests.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { readBytes, TooLargeError } from "../../lib/read_bytes.ts";
import { tryParseJson } from "../../lib/json.ts";
import { bodyBroken, bodyTooLarge, bodyTooSlow, HttpError } from "../errors.ts";

/** Largest body, in bytes: a change of all rights has some kilobytes. */
const MAX_BYTES = 64 * 1024;

/** Longest time for a body to arrive, in milliseconds. */
const TIMEOUT_MS = 5000;

/** Schema of a body. */
export interface BodySchema<T> {
  /** Parses a value, or returns everything that is wrong with it. */
  safeParse(value: unknown): { readonly success: true; readonly data: T } | {
    readonly success: false;
    readonly error: {
      readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
    };
  };
}

/**
 * Reads a body.
 *
 * @throws {HttpError} if it is too large, too slow, not of the media type `application/json`, or does not follow the schema
 */
export async function readJsonBody<T>(request: Request, schema: BodySchema<T>): Promise<T> {
  if (request.headers.get("Content-Type") !== "application/json") {
    throw new HttpError(STATUS_CODE.UnsupportedMediaType, "Content-Type must be application/json", { reason: "body" });
  }
  const body = schema.safeParse(tryParseJson(new TextDecoder().decode(await readBody(request))));
  if (body.success) return body.data;
  const fields = body.error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
  throw new HttpError(STATUS_CODE.BadRequest, fields.join("; "), { reason: "field" });
}

async function readBody(request: Request): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await readBytes(request, MAX_BYTES, { signal: timeout });
  } catch (error) {
    if (error instanceof TooLargeError) throw bodyTooLarge();
    throw timeout.aborted ? bodyTooSlow() : bodyBroken();
  }
}
