/**
 * Routes of the page's files on the public port. Only the files of a table exist: no part of a request becomes a path.
 *
 * @module
 */
import type { MemoryBudget } from "../limits/memory_budget.ts";
import type { RateLimiter } from "../limits/rate_limiter.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { notAcceptable, tooManyRequests } from "./errors.ts";
import type { FileForm, PageFile } from "./page_file.ts";
import { READ_METHODS, type RouteEntry } from "./router.ts";
import { isOnePiece, StreamedBody } from "./streamed_body.ts";

/** Files of the page, and the way to read them. */
export interface PageFiles {
  /** Table of the files. */
  readonly files: readonly PageFile[];
  /** Reads a form of a file. Rejects if it is not the one of the table. */
  readonly read: (form: FileForm) => Promise<Bytes>;
}

/** Files, limits and telemetry of the routes. */
export interface ConsoleOptions extends PageFiles {
  /** Rate limit of each address. */
  readonly rate: Pick<RateLimiter, "take">;
  /** Budget of the bytes that wait to be read, by address. */
  readonly unread: MemoryBudget;
  /** Called for each answer. */
  readonly onAnswer: () => void;
}

/** Name of a page itself, which is served as its folder: at `/` or `/admin/`. */
export const INDEX = "index.html";

/** Folder of the Admin page, which the public port does not serve. */
export const ADMIN_FOLDER = "admin/";

/** Returns the part of the files for the admin port, or for the public one. */
export function filesFor(port: "admin" | "public", { files, read }: PageFiles): PageFiles {
  return { files: files.filter(({ path }) => path.startsWith(ADMIN_FOLDER) === (port === "admin")), read };
}

/**
 * Directives of the policy of the page and its workers: nothing from elsewhere, no inline code, and no text that becomes
 * code.
 */
export const PAGE_POLICY: readonly string[] = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types e2eg",
];

/** Headers of every file: a worker follows the policy of its own script. */
const HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": PAGE_POLICY.join("; "),
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** Returns the routes of all files. */
export function createConsoleRoutes(options: ConsoleOptions): RouteEntry<"console">[] {
  const { files, read, rate, unread, onAnswer } = options;
  const contents = new Map<FileForm, Promise<Bytes>>();

  /** Returns the content of a form, which stays in memory after the first request for it. */
  function contentOf(form: FileForm): Promise<Bytes> {
    const content = contents.get(form) ?? read(form);
    contents.set(form, content);
    content.catch(() => contents.delete(form));
    return content;
  }

  async function respond(file: PageFile, request: Request, address: string): Promise<Response> {
    const wait = await rate.take(address);
    if (wait > 0) throw tooManyRequests(wait);
    const form = chooseForm(file, request.headers.get("Accept-Encoding"));
    const headers = headersOf(file, form);
    if (isKnown(form, request.headers.get("If-None-Match"))) {
      onAnswer();
      return new Response(null, { status: 304, headers });
    }
    headers.set("Content-Length", String(form.bytes));
    const content = request.method === "HEAD" ? undefined : await contentOf(form);
    onAnswer();
    if (content === undefined || content.length === 0) return new Response(null, { headers });
    const { body } = new StreamedBody(content, { budget: unread, owner: address, onEvict: () => {} });
    return new Response(body, { headers });
  }

  return files.map((file) => ({
    path: `/${isPage(file) ? file.path.slice(0, -INDEX.length) : file.path}`,
    label: "console",
    methods: READ_METHODS,
    handle: (request, { address }) => respond(file, request, address),
  }));
}

function isPage({ path }: PageFile): boolean {
  return path === INDEX || path.endsWith(`/${INDEX}`);
}

function headersOf(file: PageFile, form: FileForm): Headers {
  const headers = new Headers(HEADERS);
  headers.set("Content-Type", file.mediaType);
  headers.set("Vary", "Accept-Encoding");
  if (form.coding !== "identity") headers.set("Content-Encoding", form.coding);
  headers.set("Cache-Control", cacheControlOf(file));
  headers.set("ETag", `"${form.hash}"`);
  return headers;
}

/** Returns how long a file may be used without asking: for ever where its name is its content's, the page never. */
function cacheControlOf(file: PageFile): string {
  if (isPage(file)) return "no-store";
  return file.isNamedByContent ? "public, max-age=31536000, immutable" : "no-cache";
}

/**
 * Returns the first form that the client accepts, or the file as it is: the forms are in order of their length. A long
 * file is sent compressed only: the server holds what a client does not read, for every connection.
 *
 * @throws {HttpError} if the client refuses such a file compressed
 */
function chooseForm({ forms: { plain, compressed } }: PageFile, acceptEncoding: string | null): FileForm {
  const accepted = new Set(
    (acceptEncoding ?? "").split(",").map((item) => item.toLowerCase().replaceAll(" ", ""))
      .filter((item) => !/;q=0(\.0*)?$/.test(item)).map((item) => item.split(";")[0]),
  );
  const form = compressed.find(({ coding }) => accepted.has(coding));
  if (form !== undefined) return form;
  if (isOnePiece(plain.bytes)) return plain;
  // Without the header, as with "*", every coding is acceptable (RFC 9110, section 12.5.3); all clients know gzip.
  const gzip = acceptEncoding === null || accepted.has("*")
    ? compressed.find(({ coding }) => coding === "gzip")
    : undefined;
  if (gzip === undefined) throw notAcceptable();
  return gzip;
}

/** Returns whether the client has a form already (RFC 9110, section 13.1.2). */
function isKnown({ hash }: FileForm, ifNoneMatch: string | null): boolean {
  return ifNoneMatch?.split(",").some((tag) => tag.trim().replace(/^W\//, "") === `"${hash}"`) ?? false;
}
