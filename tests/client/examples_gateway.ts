/** Fake gateway behind `fetch`, for the examples in the client's doc comments. */
import { importSecretKey, type SecretKey } from "../../src/protocol/secret_key.ts";
import { connected, made, message, receive, secret, stream } from "../support/fake_gateway.ts";
import { pairedBody, PAIRING_SECRET } from "../support/fake_pairing.ts";

/** Jeedom's answers, by method. */
const JEEDOM: Readonly<Record<string, unknown>> = {
  ping: "pong",
  datetime: 1_700_000_000,
  "cmd::byId": { id: 3, name: "Lamp" },
  "event::changes": {
    datetime: 1_700_000_001,
    result: [{ datetime: 1_700_000_001, name: "cmd::update", option: { cmd_id: 3, value: 1 } }],
  },
};

const STATE = { "entity_id": "light.kitchen", state: "on", attributes: { brightness: 128 } };

const DEVICE = {
  name: "phone",
  kid: "0123456789abcdef",
  default: false,
  minProtocol: 1,
  rights: {},
  summary: [],
  services: [],
  version: "1.1.0",
  time: 1_700_000_000.25,
};

const ALERT = {
  ...{ id: "0123456789abcdef", title: "Doorbell", body: "pressed", actions: [], urgency: "high", tag: "doorbell" },
  timestamp: 1_700_000_000,
};

const PUSH = {
  ...{ enabled: true, publicKey: "B", max: 5, maxRules: 50, sources: ["topics"] },
  subscriptions: [{ id: "0123456789abcdef", kind: "web", host: "fcm.googleapis.com", created: "2026-11-30T09:00:00Z" }],
  rules: [{ name: "doorbell", source: { topics: ["a"] }, condition: { type: "any" }, title: "Doorbell" }],
};

/** Answers of the other services, by the first field of the request that has one. */
const SERVICES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  device: { forget: { success: true, name: "phone" }, service: DEVICE },
  action: { name: { success: true }, service: { actions: [{ name: "open-gate", label: "Open the gate" }] } },
  push: {
    subscribe: { id: "0123456789abcdef" },
    remove: { removed: true },
    test: { queued: true },
    rule: { name: "doorbell" },
    removeRule: { removed: true },
    alerts: { alerts: [ALERT] },
    service: PUSH,
  },
  http: { target: { id: 3 } },
  "home_assistant": { call: [], states: [STATE], state: STATE, history: [[STATE]], camera: null },
  influxdb: { query: { columns: ["time", "mean"], rows: [[1_700_000_000, 21.5]] }, write: { success: true } },
};

/** Members beside a body of these services. */
const MEMBERS = { headers: { "content-type": "image/jpeg" }, "body_b64": "/9j/", "content_type": "image/jpeg" };

const refused = (error: string) => made({ source: "gateway" }, 403, JSON.stringify({ error, code: "field" }));

/** Keys that requests may have, besides that of the examples. */
const paired: SecretKey[] = [];

globalThis.fetch = async (input, init) => {
  const { origin, pathname } = new URL(String(input));
  if (origin !== "https://home.example") throw new TypeError(`No gateway at ${origin}`);
  if (pathname === "/health") return Response.json({ status: "ok", version: "1.0.0" });
  const { body, signal } = init ?? {};
  if (typeof body !== "string" || !signal) throw new Error("Request has no body or signal");
  if (pathname === "/pair") {
    const request = await receive(pathname, body, PAIRING_SECRET);
    const { body: answer, deviceKey } = await pairedBody(request);
    paired.push(await importSecretKey(deviceKey));
    return await made({ source: "gateway" }, 200, answer)(request, signal);
  }
  const request = await receive(pathname, body, paired.find(({ kid }) => body.startsWith(`2.${kid}.`)) ?? secret);
  const { timestamp, service, jsonrpc, topic, topics } = request.fields;
  if (timestamp === 0) return await refused("Request expired")(request, signal);
  if (pathname === "/mqtt/subscribe" && Array.isArray(topics)) {
    return await stream([connected(1), message(2)], "stays open")(request, signal);
  }
  if (pathname === "/mqtt/publish" && typeof topic === "string") {
    return await made({ source: "gateway" }, 200, JSON.stringify({ success: true, topic }))(request, signal);
  }
  if (service === "jeedom" && typeof jsonrpc === "string" && jsonrpc in JEEDOM) {
    const answer = { jsonrpc: "2.0", id: null, result: JEEDOM[jsonrpc] };
    return await made({ service: "jeedom" }, 200, answer)(request, signal);
  }
  if (pathname === "/subscribe" && (Array.isArray(request.fields["entities"]) || Array.isArray(topics))) {
    const changed = { ...message(2), topic: "sensor.attic", payload: JSON.stringify(STATE) };
    return await stream([connected(1), changed], "stays open")(request, signal);
  }
  const bodies = pathname === "/gateway" ? SERVICES[String(service)] ?? {} : {};
  const field = Object.keys(bodies).find((name) => name in request.fields);
  if (field !== undefined) {
    const members = service === "http" || field === "camera" ? MEMBERS : {};
    return await made(members, 200, bodies[field])(request, signal);
  }
  throw new Error(`Request is wrong: ${pathname} ${JSON.stringify(request.fields)}`);
};
