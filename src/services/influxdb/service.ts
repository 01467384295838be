/**
 * The InfluxDB service: runs named queries, and writes points to named places.
 *
 * @module
 */
import { createReadRights } from "../../keys/rights.ts";
import type { Deadlines } from "../../lib/deadlines.ts";
import { valuesWeight } from "../../lib/json_weight.ts";
import { ConcurrencyLimiter } from "../../limits/concurrency_limiter.ts";
import { createAnswerMemory } from "../../limits/answer_memory.ts";
import { type Reply, revokedError, type Service, type ServiceContext, ServiceError } from "../service.ts";
import { apiOf, type ApiRequest } from "./api.ts";
import { exchange, type InfluxAnswer } from "./exchange.ts";
import { errorMessageOf, InfluxError } from "./influx_error.ts";
import { formatLine } from "./line_protocol.ts";
import { parseParams } from "./params.ts";
import { type InfluxRequest, parseInfluxRequest, pointOf, targetOf } from "./request.ts";
import { InfluxGrants } from "./rights.ts";
import type { InfluxContent, InfluxQuery, InfluxServer, InfluxWrite } from "./section.ts";
import type { InfluxConfig } from "./settings.ts";
import { formatTable } from "./table.ts";

/** Name of the service. */
export const INFLUXDB = "influxdb";

/** Settings and collaborators of the service. */
export interface InfluxServiceOptions {
  /** Limits. */
  readonly settings: InfluxConfig;
  /** Returns the queries and writes that are in force. */
  readonly content: () => InfluxContent;
  /** Returns the function that sends HTTP requests to a server. */
  readonly fetchOf: (server: InfluxServer) => Promise<typeof fetch>;
  /** Time limits of calls. */
  readonly deadlines: Deadlines;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Aborts when the gateway stops. */
  readonly closeSignal: AbortSignal;
}

/** Largest memory of the values of an answer while it is converted, in bytes. */
const MAX_VALUES_BYTES = 96 * 2 ** 20;

/** Largest answer to a write, in bytes: it has no content, or an error. */
const MAX_WRITE_ANSWER_BYTES = 64 * 1024;

/** Makes the service. */
export function createInfluxService(options: InfluxServiceOptions): Service {
  const { settings, content, fetchOf, deadlines, now, closeSignal } = options;
  const readRights = createReadRights(INFLUXDB, (rights) => new InfluxGrants(rights));
  const calls = new ConcurrencyLimiter({ total: settings.maxCalls, each: settings.maxCallsPerKey });
  const answers = createAnswerMemory(settings.maxResponseBytes);

  return {
    name: INFLUXDB,
    fieldErrorStatus: 400,
    target: targetOf,
    async handle(payload, context) {
      const request = parseInfluxRequest(payload);
      const grants = readRights(context.scope);
      switch (request.kind) {
        case "list":
          return jsonReply(JSON.stringify(listOf(content(), grants)));
        case "query":
          return await run(request, grants.findQuery(content().queries, request.name), context);
        case "write":
          return await write(request, grants.findWrite(content().writes, request.name), context);
      }
    },
  };

  async function run(
    { name, params }: InfluxRequest & { readonly kind: "query" },
    query: InfluxQuery,
    context: ServiceContext,
  ): Promise<Reply> {
    const values = parseParams(query.params, params, now());
    const api = apiOf(query.server);
    const maxBytes = Math.min(query.maxBytes ?? Infinity, settings.maxResponseBytes);
    const answer = await send(query, api.query(query, values), { context, maxBytes });
    // Its answer may have taken long.
    if (context.revoked?.aborted) throw revokedError(context.revoked);
    if (answer.status !== 200) throw refusal(answer, `the query ${name}`);
    if (valuesWeight(answer.text) > MAX_VALUES_BYTES) {
      throw new ServiceError(502, `The answer to the query ${name} holds too many values`, { code: "service_answer" });
    }
    try {
      return jsonReply(formatTable(api.parseResult(answer.text), { maxRows: query.maxRows, maxBytes }));
    } catch (cause) {
      if (cause instanceof InfluxError) {
        throw new ServiceError(502, `InfluxDB refused the query ${name}: see the gateway's log`, {
          code: "service_answer",
          cause,
        });
      }
      if (!(cause instanceof SyntaxError)) throw cause;
      throw new ServiceError(502, `The answer to the query ${name} is not as InfluxDB answers`, {
        code: "service_answer",
        cause,
      });
    }
  }

  async function write(
    request: InfluxRequest & { readonly kind: "write" },
    to: InfluxWrite,
    context: ServiceContext,
  ): Promise<Reply> {
    const line = formatLine(pointOf(request, { measurements: to.measurements, now: now() }));
    const sent = apiOf(to.server).write(to, line);
    const answer = await send(to, sent, { context, maxBytes: MAX_WRITE_ANSWER_BYTES });
    if (answer.status !== 204) throw refusal(answer, `the write ${request.name}`);
    return jsonReply(JSON.stringify({ success: true }));
  }

  async function send(
    { server, timeoutMs }: InfluxQuery | InfluxWrite,
    request: ApiRequest,
    { context: { key, holdMemory }, maxBytes }: { readonly context: ServiceContext; readonly maxBytes: number },
  ): Promise<InfluxAnswer> {
    const release = calls.tryAcquire(key);
    if (release === undefined) {
      throw new ServiceError(429, "Too many calls of InfluxDB are under way", { code: "busy", retryAfterSeconds: 1 });
    }
    try {
      return await exchange(server, request, {
        fetch: await fetchOf(server),
        deadlines,
        timeoutMs: timeoutMs ?? settings.timeoutMs,
        maxBytes,
        closeSignal,
        beforeLarge: async (signal) => holdMemory(await answers.acquire(key, maxBytes, signal)),
      });
    } finally {
      release();
    }
  }
}

function jsonReply(bodyJson: string): Reply {
  return { status: 200, bodyJson };
}

/** Makes the error for an answer with another status than that of a success. */
function refusal({ status, text }: InfluxAnswer, what: string): ServiceError {
  const cause = new InfluxError(`status ${status}: ${errorMessageOf(text)}`);
  return new ServiceError(502, refusalText(status, what), { code: "service_answer", cause });
}

function refusalText(status: number, what: string): string {
  if (status === 401 || status === 403) return `InfluxDB refuses the gateway's login for ${what}`;
  if (status >= 300 && status < 400) return `InfluxDB redirected ${what}: the services file needs its final address`;
  return `InfluxDB refused ${what} with status ${status}: see the gateway's log`;
}

/** Returns the queries and writes that a key may use, as clients list them. */
function listOf({ queries, writes }: InfluxContent, grants: InfluxGrants): Readonly<Record<string, unknown>> {
  const definitionsOf = (rules: ReadonlyMap<string, { readonly definition: unknown }>) =>
    Object.fromEntries([...rules].map(([name, { definition }]) => [name, definition]));
  return {
    queries: [...queries].filter(([name]) => grants.mayRun(name))
      .map(([name, { label, params }]) => ({ name, label, params: definitionsOf(params) })),
    writes: [...writes].filter(([name]) => grants.mayWrite(name)).map(([name, { label, measurements }]) => ({
      name,
      label,
      measurements: Object.fromEntries(
        [...measurements].map(([measurement, { tags, fields }]) => [
          measurement,
          { tags: definitionsOf(tags), fields: definitionsOf(fields) },
        ]),
      ),
    })),
  };
}
