/**
 * A simulated Jeedom, as faithful as clients and tests need it: JSON-RPC over HTTP with the answers, error codes
 * and quirks of a real Jeedom 4.5.
 *
 * @module
 */
import { type Change, DEVICES, type House, LIGHT_ID } from "./house.ts";

/** How a simulated Jeedom is set up. */
export interface SimulatedJeedomOptions {
  /** The key that it accepts. */
  readonly apikey: string;
  /** The house that it controls. */
  readonly house: House;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
}

type Params = Readonly<Record<string, unknown>>;
type Method = (params: Params, signal: AbortSignal) => unknown;

/** An error that travels inside of an HTTP 200. */
class RpcError extends Error {
  constructor(readonly code: number, message: string) {
    super(message);
  }
}

/** PHP died: HTTP 500 and nothing else. */
class Crash extends Error {}

const ENDPOINT = "/core/api/jeeApi.php";

/** More malformed requests than these within the time, in milliseconds, and nobody gets an answer for a while. */
const BAN = { faults: 6, withinMs: 300_000, forMs: 600_000 };

/** Makes a simulated Jeedom as a function from request to response. */
export function createSimulatedJeedom(options: SimulatedJeedomOptions): (request: Request) => Promise<Response> {
  const methods = createMethods(options.house, options.now);
  let faults: number[] = [];

  function countFault(): void {
    const now = options.now();
    faults = [...faults.filter((at) => at > now - BAN.withinMs), now];
  }

  function isBanned(): boolean {
    const last = faults.at(-1) ?? 0;
    return faults.length > BAN.faults && options.now() < last + BAN.forMs;
  }

  async function run(call: Params, signal: AbortSignal): Promise<unknown> {
    const params = isObject(call["params"]) ? call["params"] : {};
    const key = params["apikey"] ?? params["api"];
    if (key !== undefined && typeof key !== "string") throw new Crash();
    const method = methods[String(call["method"])];
    if (call["method"] === "ping") return "pong";
    if (key === undefined) throw new RpcError(1, "Vous n'êtes pas autorisé à effectuer cette action");
    if (key !== options.apikey) throw new RpcError(2, "Vous n'êtes pas autorisé à effectuer cette action");
    if (method === undefined) throw new RpcError(500, `Aucune méthode correspondante : ${call["method"]}`);
    return await method(params, signal);
  }

  return async (request) => {
    if (new URL(request.url).pathname !== ENDPOINT || isBanned()) {
      return new Response("<html><body><h1>404 Not Found</h1></body></html>", {
        status: 404,
        headers: { "Content-Type": "text/html" },
      });
    }
    const call: unknown = await request.json().catch(() => undefined);
    if (!isObject(call) || call["jsonrpc"] !== "2.0") {
      countFault();
      return Response.json({ jsonrpc: "2.0", id: 99_999, error: { code: 1, message: "Requête invalide" } });
    }
    const id = call["id"] ?? 99_999;
    try {
      const result = await run(call, request.signal);
      return Response.json({ jsonrpc: "2.0", id, result: isEmpty(result) ? "ok" : result });
    } catch (error) {
      if (error instanceof RpcError) {
        return Response.json({ jsonrpc: "2.0", id, error: { code: error.code, message: error.message } });
      }
      return new Response("", { status: 500, headers: { "Content-Type": "application/json" } });
    }
  };
}

function createMethods(house: House, now: () => number): Readonly<Record<string, Method>> {
  const commands = () => DEVICES.map(({ id, name }) => ({ id, name, eqLogic_id: 1, currentValue: house.value(id) }));
  // Ids are numbers in some answers and strings in others, as in the original.
  const equipment = () => ({ id: "1", name: "Living room", object_id: "1", isEnable: "1", cmds: commands() });
  const room = () => ({ id: 1, name: "House", father_id: null, eqLogics: [equipment()] });

  const known = (params: Params, code: number, what: string) => {
    const id = Number(params["id"]);
    const ids = code === 702 ? DEVICES.map((device) => device.id) : [1];
    if (!ids.includes(id)) throw new RpcError(code, `${what} introuvable : ${params["id"]}`);
    return id;
  };

  return {
    "version": () => "4.5.3",
    "datetime": () => now() / 1000,
    "jeeObject::all": () => [{ id: 1, name: "House", father_id: null }],
    "jeeObject::full": () => [room()],
    "jeeObject::byId": (params) => (known(params, 601, "Objet"), { id: 1, name: "House", father_id: null }),
    "jeeObject::fullById": (params) => (known(params, 601, "Objet"), room()),
    "eqLogic::all": () => [equipment()],
    "eqLogic::byId": (params) => (known(params, 602, "EqLogic"), equipment()),
    "cmd::all": commands,
    "cmd::byId": (params) => {
      const id = known(params, 702, "Commande");
      return commands().find((command) => command.id === id);
    },
    "cmd::execCmd": (params) => {
      const id = known(params, 702, "Commande");
      if (id === LIGHT_ID) house.set(LIGHT_ID, house.value(LIGHT_ID) === 0 ? 1 : 0);
      return { value: house.value(id), collectDate: new Date(now()).toISOString() };
    },
    "cmd::getHistory": (params) => {
      const id = known(params, 702, "Commande");
      return house.changesSince(0).filter((change) => change.id === id).map(({ value, at }) => ({
        value,
        datetime: at,
      }));
    },
    "scenario::all": () => [{ id: "1", name: "Good night", isActive: "1", state: "stop" }],
    "scenario::byId": (params) => (known(params, 702, "Scénario"), { id: "1", name: "Good night", state: "stop" }),
    "scenario::changeState": (params) => (known(params, 702, "Scénario"), "ok"),
    "summary::global": () => ({ temperature: house.value(1), light: house.value(LIGHT_ID) }),
    "message::all": () => [],
    "event::changes": (params, signal) => changes(house, params, now, signal),
  };
}

/** Waits, as the original does, until something happened or the poll's time is over. */
async function changes(house: House, params: Params, now: () => number, signal: AbortSignal): Promise<unknown> {
  const since = Number(params["datetime"] ?? now() / 1000);
  const seconds = Number(params["longPolling"] ?? 0);
  if (seconds > 0 && house.changesSince(since).length === 0) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, seconds * 1000);
    const stopListening = house.onChange(() => resolve());
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    clearTimeout(timer);
    stopListening();
  }
  const result = house.changesSince(since).map(({ id, value, at }: Change) => ({
    datetime: at,
    name: "cmd::update",
    option: { cmd_id: id, value },
  }));
  return { datetime: now() / 1000, result };
}

function isEmpty(result: unknown): boolean {
  return result === "" || result === null || result === undefined || (Array.isArray(result) && result.length === 0);
}

function isObject(value: unknown): value is Params {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
