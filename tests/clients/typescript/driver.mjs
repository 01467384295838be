/** Runs one command of the npm package on Node; prints the results as JSON lines. See ../client_program.ts. */
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { createInterface } from "node:readline";
import { checkVectors } from "./check_vectors.mjs";
import { GatewayClient, GatewayError, loadModule, pair } from "./installed.mjs";

const { Backoff } = await loadModule("lib/backoff");

/** Silence timeout of the client, in milliseconds; nothing else takes so long. */
const SILENCE_MS = 45_000;

const [url, key, command, ...rest] = process.argv.slice(2);
const env = process.env;

const stop = new AbortController();
createInterface({ input: process.stdin }).on("line", () => stop.abort());

function show(line) {
  process.stdout.write(`${toJson(line)}\n`);
}

/** JSON.parse accepts more than JSON.stringify can write. */
function toJson(line) {
  try {
    return JSON.stringify(line);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return JSON.stringify({ ...line, body: "too deep to print" });
  }
}

/** Prints each wait of a client before it begins, and shortens it. */
function watchBackoff() {
  const factor = Number(env.CLIENT_BACKOFF_FACTOR ?? "1");
  const { next, reset } = Backoff.prototype;
  const tries = new WeakMap();
  Backoff.prototype.next = function () {
    const ms = next.call(this);
    const backoff = tries.get(this) ?? 0;
    tries.set(this, backoff + 1);
    show({ backoff, seconds: ms / 1000 });
    return ms * factor;
  };
  Backoff.prototype.reset = function () {
    tries.delete(this);
    reset.call(this);
  };
}

function makeClient({ silence } = {}) {
  return new GatewayClient({
    url,
    key,
    keyName: env.CLIENT_KEY_NAME,
    protocol: { 1: 1, 2: 2 }[env.CLIENT_PROTOCOL] ?? "auto",
    clock: makeClock({ silence }),
  });
}

function makeClock({ silence } = {}) {
  const clockOffset = Number(env.CLIENT_CLOCK_OFFSET ?? "0") * 1000;
  return {
    now: () => Date.now() + clockOffset,
    monotonic: () => performance.now() * Number(env.CLIENT_MONOTONIC_FACTOR ?? "1"),
    after(ms, run) {
      const timer = setTimeout(run, ms === SILENCE_MS && silence !== undefined ? silence * 1000 : ms);
      return () => clearTimeout(timer);
    },
  };
}

async function pairAll([label, ...links]) {
  const options = { clock: makeClock(), ...label === "" ? {} : { label } };
  for (const link of links) await attempt(async () => show(await pair(link, options)));
}

function callJeedom(client, method, params) {
  const timeout = env.CLIENT_TIMEOUT === undefined ? undefined : Number(env.CLIENT_TIMEOUT) * 1000;
  return client.callJeedom(method, params, { timeout, compress: env.CLIENT_COMPRESS });
}

async function call(args) {
  const client = makeClient();
  for (let index = 0; index < args.length; index += 2) {
    await attempt(async () => show(await callJeedom(client, args[index], JSON.parse(args[index + 1]))));
  }
}

/** Calls of services, by name. */
const SERVICES = {
  call: (client, { service, fields }) => client.call(service, fields),
  device: (client) => client.device(),
  forget: (client) => client.forget().then(() => ({})),
  action: (client, { name, params }) => client.action(name, params),
  actions: async (client) => ({ uses: null, ...await client.actions() }),
  http: (client, request) => client.http(request),
  homeAssistant: (client, { call, ...options }) => client.homeAssistant(call, options),
  homeAssistantStates: (client, { globs }) => client.homeAssistantStates(globs),
  homeAssistantState: (client, { entity }) => client.homeAssistantState(entity),
  homeAssistantHistory: (client, { entities, ...period }) => client.homeAssistantHistory(entities, period),
  homeAssistantCamera: (client, { entity }) => client.homeAssistantCamera(entity),
  influx: (client, { query, params }) => client.influx(query, params),
  push: (client) => client.push(),
  pushSubscribe: (client, { endpoint, p256dh, auth, label }) =>
    client.pushSubscribe({ endpoint, keys: { p256dh, auth }, kind: "unifiedpush", label }),
  pushUnsubscribe: (client, { id }) => client.pushUnsubscribe(id),
  pushTest: async (client, { id }) => await client.pushTest(id) ?? null,
  pushSetRule: async (client, { rule }) => await client.pushSetRule(rule) ?? null,
  pushRemoveRule: (client, { name }) => client.pushRemoveRule(name),
  pushAlerts: (client, { since }) => client.pushAlerts(since),
  influxWrite: async (client, { write, ...point }) => await client.influxWrite(write, point) ?? null,
};

async function service(args) {
  const client = makeClient();
  for (let index = 0; index < args.length; index += 2) {
    const call = SERVICES[args[index]];
    await attempt(async () => show({ result: plain(await call(client, JSON.parse(args[index + 1]))) }));
  }
}

function plain(result) {
  if (result instanceof Uint8Array) return base64(result);
  if (result === null || typeof result !== "object" || Array.isArray(result)) return result;
  const { timestamp: _, ...rest } = result;
  if (!("contentType" in rest)) return rest;
  const { members: _members, bytes, contentType = null, ...http } = rest;
  return { ...http, contentType, bytes: bytes === undefined ? null : base64(bytes) };
}

function base64(bytes) {
  return Buffer.from(bytes).toString("base64");
}

async function together(count, method) {
  const client = makeClient();
  const calls = Array.from({ length: count }, () => attempt(async () => show(await callJeedom(client, method))));
  await Promise.all(calls);
  show({ protocol: client.protocol });
}

async function publish(topic, text, qos, retain, coding) {
  const message = coding === "base64" ? new Uint8Array(Buffer.from(text, "base64")) : text;
  show(await makeClient().publish(topic, message, { qos: Number(qos), retain: retain === "true" }));
}

async function subscribe(count, { times = 1, silence, service, fields, entities, ...choices }, filters) {
  const client = makeClient({ silence });
  for (let left = times; left > 0 && !stop.signal.aborted; left -= 1) {
    const options = { ...choices, signal: stop.signal };
    const events = service !== undefined
      ? client.subscribeTo(service, fields, options)
      : entities
      ? client.subscribeEntities(filters, options)
      : client.subscribe(filters, { qos: 1, ...options });
    await attempt(() => follow(events, count, (event) => event.type === "message"));
  }
}

async function events(count, choices) {
  await follow(makeClient().jeedomEvents({ ...choices, signal: stop.signal }), count, () => true);
}

/** Shows events until enough of those that count have come, or until the command to stop. */
async function follow(events, count, counts) {
  let left = count;
  try {
    for await (const event of events) {
      show(event);
      if (counts(event)) left -= 1;
      if (count > 0 && left === 0) break;
    }
  } catch (error) {
    if (error !== stop.signal.reason) throw error;
  }
  show({ end: true });
}

function backoff(args) {
  for (const text of args) {
    const backoff = new Backoff(Math.random);
    let ms = backoff.next();
    for (let tries = Number(text); tries > 0; tries -= 1) ms = backoff.next();
    show({ backoff: Number(text), seconds: ms / 1000 });
  }
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    show(describe(error));
  }
}

function describe(error) {
  const { name, message } = error;
  if (!(error instanceof GatewayError)) {
    return { failure: name, code: null, status: null, message, retryAfter: null, gatewayCode: null, isSealed: null };
  }
  const { code, status, retryAfterMs, gatewayTime: timestamp, gatewayCode = null, isSealed } = error;
  const retryAfter = retryAfterMs === undefined ? null : retryAfterMs / 1000;
  return { failure: error.constructor.name, code, status, message, retryAfter, gatewayCode, isSealed, timestamp };
}

await attempt(async () => {
  if (command === "vectors") return show({ vectors: await checkVectors(JSON.parse(await readFile(rest[0], "utf8"))) });
  if (command === "backoff") return backoff(rest);
  watchBackoff();
  if (command === "pair") return await pairAll(rest);
  if (command === "health") return show(await makeClient().health());
  if (command === "call") return await call(rest);
  if (command === "service") return await service(rest);
  if (command === "together") return await together(Number(rest[0]), rest[1]);
  if (command === "publish") return await publish(...rest);
  if (command === "subscribe") return await subscribe(Number(rest[0]), JSON.parse(rest[1]), rest.slice(2));
  if (command === "events") return await events(Number(rest[0]), JSON.parse(rest[1]));
  throw new TypeError(`No such command: "${command}"`);
});
