/**
 * The command `request`: sends an HTTP request from the gateway.
 *
 * @module
 */
import type { HttpAddress } from "../client/gateway_client.ts";
import { type CommandLine, formatUsage, readArgs, UsageError, wrongUsage } from "./args.ts";
import { EXIT_FAILURE } from "./exit_codes.ts";
import { CLIENT_OPTIONS, openClient, printAnswer, runClient } from "./client.ts";
import type { Platform } from "../platform.ts";

/** Command line of `request`. */
export const REQUEST_LINE = {
  synopsis: "deno task request TARGET PATH|URL",
  summary: "Send an HTTP request from the gateway, to a named target or a URL that it allows",
  options: {
    method: { type: "string", value: "METHOD", description: "Method; without it GET, or POST with --body" },
    header: { type: "string", value: "TEXT", multiple: true, description: "Header, such as 'Accept: text/plain'" },
    body: { type: "string", value: "TEXT", description: "Body, as JSON unless a header says otherwise" },
    raw: { type: "boolean", default: false, description: "Write the bytes of the answer, such as a picture" },
    timeout: { type: "string", value: "SECONDS", description: "Longest wait of the gateway" },
    ...CLIENT_OPTIONS,
  },
  notes: "PATH may have a query: '/api/events?limit=5'. A picture: --raw > door.jpg.",
} as const satisfies CommandLine;

/** Sends the request, and prints the body of the answer. A status that is not a success is a failure. */
export function request(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values, positionals } = readArgs(platform.args, REQUEST_LINE);
    const address = parseAddress(positionals);
    const { body, method = body === undefined ? "GET" : "POST" } = values;
    const headers = parseHeaders(values.header ?? []);
    const raw = values.raw || undefined;
    if (raw && platform.isTerminal) throw wrongUsage("--raw needs a file: add > FILE", REQUEST_LINE);
    const message = { ...address, method, headers, body, raw, timeout: parseTimeout(values.timeout) };
    const client = await openClient(values, platform);
    const answer = await client.http(message);
    const isSuccess = answer.status >= 200 && answer.status < 300;
    const { bytes, contentType } = answer;
    if (bytes === undefined && isSuccess && /^(?:image(?!\/svg)|audio|video)\//.test(contentType ?? "")) {
      platform.printError(`The answer is ${contentType}, which is no text: add --raw > FILE`);
      return EXIT_FAILURE;
    }
    if (bytes === undefined) return printAnswer({ ...answer, status: isSuccess ? 200 : answer.status }, platform);
    if (!isSuccess) return printAnswer({ ...answer, body: new TextDecoder().decode(bytes) }, platform);
    platform.printBytes(bytes);
    return 0;
  });
}

function parseAddress([first, second, ...more]: readonly string[]): HttpAddress {
  if (first === undefined || more.length > 0) throw new UsageError(formatUsage(REQUEST_LINE));
  if (/^https?:\/\//i.test(first)) {
    if (second !== undefined) throw wrongUsage("A URL has its path in it: expected no PATH", REQUEST_LINE);
    return { url: first };
  }
  if (second === undefined) throw wrongUsage("PATH is missing", REQUEST_LINE);
  const [path = "", ...query] = second.split("?");
  return { target: first, path, query: parseQuery(query.join("?")) };
}

/** Parses a query: a list of values for a name that occurs several times. */
function parseQuery(text: string): Readonly<Record<string, unknown>> | undefined {
  const parameters = new URLSearchParams(text);
  const names = [...new Set(parameters.keys())];
  if (names.length === 0) return undefined;
  return Object.fromEntries(names.map((name) => {
    const values = parameters.getAll(name);
    return [name, values.length === 1 ? values[0] : values];
  }));
}

function parseHeaders(lines: readonly string[]): Readonly<Record<string, string>> | undefined {
  if (lines.length === 0) return undefined;
  return Object.fromEntries(lines.map((text) => {
    const [, name, value = ""] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? [];
    // The header is not printed: it may be a password.
    if (name === undefined) throw wrongUsage("--header must be NAME: VALUE", REQUEST_LINE);
    return [name, value];
  }));
}

function parseTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (text.trim() !== "" && seconds > 0 && Number.isFinite(seconds)) return seconds;
  throw wrongUsage("--timeout must be a number of seconds", REQUEST_LINE);
}
