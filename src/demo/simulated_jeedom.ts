/**
 * Simulated Jeedom for the demo and tests: JSON-RPC over HTTP with the answers, error codes and quirks of Jeedom 4.5, also in
 * failure states.
 *
 * @module
 */
import { isObject, tryParseJson } from "../lib/json.ts";
import type { SimulatedHome } from "./simulated_home.ts";
import { Crash, createMethods, NOT_UTF8_METHODS, type Params, RpcError, waitForChanges } from "./jeedom_methods.ts";

/**
 * State of a simulated Jeedom. `normal`: it answers. `database-down`: HTTP 500 and an empty body; running polls end with an
 * error. `not-utf8`: a command has a value that is not UTF-8, which empties each answer that holds it. `warning`: PHP writes
 * a warning before each answer. `page`: it is behind a login page. `https-port`: plain HTTP reached a port that speaks
 * HTTPS.
 */
export type JeedomMode = "normal" | "database-down" | "not-utf8" | "warning" | "page" | "https-port";

/** Settings of Jeedom's page Settings, System, Configuration, API, by their names in its database. */
export interface JeedomSettings {
  /** Machines that may call the API; all by default. */
  readonly "api::core::mode"?: "enable" | "whiteip" | "localhost" | "disable";
  /** Refused methods, including `ping` if it matches. */
  readonly "api::forbidden::method"?: RegExp;
  /** Allowed methods; all others are refused. */
  readonly "api::allow::method"?: RegExp;
  /** True if the API key allows only methods of plugins. */
  readonly "api::core::restricted"?: boolean;
}

/** Received call. */
export interface SimulatedCall {
  /** Path of the URL. */
  readonly path: string;
  /** Body. */
  readonly body: string;
}

/** Options of a simulated Jeedom. */
export interface SimulatedJeedomOptions {
  /** API key that it accepts. */
  readonly apikey: string;
  /** Simulated home that it controls. */
  readonly home: SimulatedHome;
  /** Returns the wall clock's time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Interval in which a poll checks for changes, in milliseconds; 1 s by default, as in Jeedom. */
  readonly pollEveryMs?: number;
  /** Number of PHP workers, of which each request takes one; unlimited by default. Apache has 150 by default. */
  readonly workers?: number;
  /** True to answer `jeeObject::full` with 300 devices of 10 commands, 1.4 MB. */
  readonly isLarge?: boolean;
  /** Returns the result of a call, or a promise of it, in place of the home: for all paths, keys and methods. */
  readonly run?: (call: SimulatedCall) => unknown;
}

/** Simulated Jeedom, and its state. */
export interface SimulatedJeedom {
  /**
   * Handles a request.
   *
   * @param peer address of the caller; private ones are never banned
   */
  handle(request: Request, peer?: string): Promise<Response>;
  /** State, which can be changed at any time. */
  mode: JeedomMode;
  /** Settings, which can be changed at any time; none by default. */
  settings: JeedomSettings;
  /** Number of busy workers. */
  readonly busyWorkers: number;
  /** Ends all running polls. */
  close(): void;
}

const ENDPOINT = "/core/api/jeeApi.php";

/** Most malformed requests of an address within a time, and the duration of the ban after more of them, in milliseconds. */
const BAN = { faults: 6, withinMs: 300_000, forMs: 600_000 };

/** Networks on the white list of bans by default. */
const WHITE_LIST = /^(?:127|10|172)\.|^192\.168\./;

const HTML = { "Content-Type": "text/html" };
const JSON_TYPE = { "Content-Type": "application/json" };

const WARNING =
  "<br />\n<b>Warning</b>: Undefined array key 2 in <b>/var/www/html/core/class/x.php</b> on line <b>7</b>" +
  "<br />\n";

/** Folders that Jeedom's `.htaccess` forbids. */
const CLOSED_FOLDERS =
  /^.*\/(?:core\/(?:class|com|i18n|js|repo)|data|desktop|docs|install|log|support|tests|vendor|resources)\//i;

const UNAUTHORIZED = "Vous n'êtes pas autorisé à effectuer cette action";
const NOT_ALLOWED = "Cette demande n'est pas autorisée";

/** Makes a simulated Jeedom. */
export function createSimulatedJeedom(options: SimulatedJeedomOptions): SimulatedJeedom {
  const { home, now, pollEveryMs = 1000, run, apikey, isLarge = false } = options;
  const methods = createMethods({ home, now, isLarge });
  const bans = new Bans(now);
  const workers = new Workers(options.workers ?? Infinity);
  const closing = new AbortController();
  let mode: JeedomMode = "normal";
  let settings: JeedomSettings = {};

  function refuseBySettings(method: string, peer: string): void {
    if (settings["api::forbidden::method"]?.test(method)) throw new RpcError(-32_000, NOT_ALLOWED);
    if (settings["api::allow::method"]?.test(method) === false) {
      throw new RpcError(-32_000, `${NOT_ALLOWED} ${peer}`);
    }
    const access = settings["api::core::mode"] ?? "enable";
    const isAllowed = access === "enable" || (access === "whiteip" && WHITE_LIST.test(peer)) ||
      (access === "localhost" && peer === "127.0.0.1");
    if (!isAllowed) throw new RpcError(1, UNAUTHORIZED);
  }

  async function resultOf(call: Params, peer: string): Promise<unknown> {
    const params = isObject(call["params"]) ? call["params"] : {};
    const key = params["apikey"] ?? params["api"];
    if (key !== undefined && typeof key !== "string") throw new Crash();
    refuseBySettings(String(call["method"]), peer);
    if (call["method"] === "ping") return "pong";
    if (key === undefined) throw new RpcError(1, UNAUTHORIZED);
    if (key !== apikey) throw new RpcError(2, UNAUTHORIZED);
    if (settings["api::core::restricted"] === true) {
      throw new RpcError(500, `Aucune méthode correspondante : ${call["method"]}`);
    }
    if (call["method"] === "event::changes") {
      return await waitForChanges(params, {
        home,
        now,
        pollEveryMs,
        closeSignal: closing.signal,
        isDatabaseDown: () => mode === "database-down",
      });
    }
    const method = methods[String(call["method"])];
    if (method === undefined) throw new RpcError(500, `Aucune méthode correspondante : ${call["method"]}`);
    return method(params);
  }

  async function answer(call: SimulatedCall, peer: string): Promise<Response> {
    if (mode === "https-port") return webServerPage(400, "Bad Request", PLAIN_HTTP);
    if (mode === "page") return new Response("<!DOCTYPE html><html><body>Login</body></html>", { headers: HTML });
    if (run !== undefined) {
      const value = tryParseJson(call.body);
      return success(isObject(value) ? value["id"] : undefined, await run(call));
    }
    // A path after the endpoint is ignored, and so is a query.
    const isApi = call.path === ENDPOINT || call.path.startsWith(`${ENDPOINT}/`);
    if (isApi && bans.has(peer)) return new Response(BANNED, { status: 404, headers: HTML });
    if (CLOSED_FOLDERS.test(call.path)) {
      return webServerPage(403, "Forbidden", "You don't have permission to access this resource.");
    }
    if (!isApi) return webServerPage(404, "Not Found", "The requested URL was not found on this server.");
    if (mode === "database-down") return crash();
    const value = tryParseJson(call.body);
    if (!isObject(value) || value["jsonrpc"] !== "2.0") {
      bans.countFault(peer);
      return error(99_999, new RpcError(1, "Requête invalide"));
    }
    try {
      const result = await resultOf(value, peer);
      if (mode === "not-utf8" && NOT_UTF8_METHODS.includes(String(value["method"]))) {
        return new Response("", { headers: JSON_TYPE });
      }
      return success(value["id"], result);
    } catch (fault) {
      return fault instanceof RpcError ? error(value["id"], fault) : crash();
    }
  }

  function success(id: unknown, result: unknown): Response {
    return json({ jsonrpc: "2.0", id: id ?? 99_999, result: isEmptyInPhp(result) ? "ok" : result });
  }

  function error(id: unknown, { code, message }: RpcError): Response {
    return json({ jsonrpc: "2.0", id: id ?? 99_999, error: { code, message } });
  }

  function json(value: unknown): Response {
    return new Response((mode === "warning" ? WARNING : "") + JSON.stringify(value), { headers: JSON_TYPE });
  }

  return {
    async handle(request, peer = "127.0.0.1") {
      const call = { path: new URL(request.url).pathname, body: await request.text() };
      // A worker continues after its caller has disconnected.
      return await workers.run(() => answer(call, peer));
    },
    get mode() {
      return mode;
    },
    set mode(next) {
      mode = next;
    },
    get settings() {
      return settings;
    },
    set settings(next) {
      settings = next;
    },
    get busyWorkers() {
      return workers.busy;
    },
    close: () => closing.abort(),
  };
}

/** Page of Jeedom for a banned address. */
const BANNED = "<h1>404 Not Found</h1>The page that you have requested could not be found.";

const PLAIN_HTTP = "Your browser sent a request that this server could not understand.<br />\n" +
  "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />\n" +
  "Instead use the HTTPS scheme to access this URL, please.";

/** Makes an error page of Apache. */
function webServerPage(status: number, title: string, text: string): Response {
  const page = `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>${status} ${title}</title>\n` +
    `</head><body>\n<h1>${title}</h1>\n<p>${text}</p>\n</body></html>\n`;
  return new Response(page, { status, headers: HTML });
}

/** Makes the response of a crash of PHP. */
function crash(): Response {
  return new Response("", { status: 500, headers: JSON_TYPE });
}

/** Addresses that are banned for malformed requests. */
class Bans {
  readonly #faults = new Map<string, readonly number[]>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  countFault(peer: string): void {
    if (WHITE_LIST.test(peer)) return;
    const now = this.#now();
    this.#faults.set(peer, [...(this.#faults.get(peer) ?? []).filter((at) => at > now - BAN.withinMs), now]);
  }

  has(peer: string): boolean {
    const faults = this.#faults.get(peer) ?? [];
    return faults.length > BAN.faults && this.#now() < (faults.at(-1) ?? 0) + BAN.forMs;
  }
}

/** Pool of workers with a queue. */
class Workers {
  readonly #count: number;
  readonly #waiting: (() => void)[] = [];
  busy = 0;

  constructor(count: number) {
    this.#count = count;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.busy >= this.#count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.busy += 1;
    try {
      return await work();
    } finally {
      // The next in the queue takes over the worker.
      const next = this.#waiting.shift();
      if (next === undefined) this.busy -= 1;
      else next();
    }
  }
}

function isEmptyInPhp(result: unknown): boolean {
  if (Array.isArray(result)) return result.length === 0;
  if (isObject(result)) return Object.keys(result).length === 0;
  return ["", "0", 0, false, null, undefined].some((empty) => empty === result);
}
