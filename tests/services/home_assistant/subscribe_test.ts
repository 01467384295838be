/** Streams of states through a gateway, from the simulated Home Assistant. */
import { assert, assertEquals } from "@std/assert";
import { getLogger } from "@logtape/logtape";
import { CAMERA_TOKEN } from "../../../src/demo/home_assistant_home.ts";
import { SYSTEM_CLOCK } from "../../../src/lib/clock.ts";
import { randomBytes } from "../../../src/protocol/bytes.ts";
import type { Version } from "../../../src/protocol/exchange.ts";
import { createHomeAssistantService } from "../../../src/services/home_assistant/service.ts";
import { ServiceError } from "../../../src/services/service.ts";
import { openStateHub } from "../../../src/services/home_assistant/open_hub.ts";
import { addressOf } from "../../../src/services/home_assistant/settings.ts";
import { createSubscribe } from "../../../src/services/home_assistant/subscribe.ts";
import { EventEncoder } from "../../../src/streams/event_encoder.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { until, within } from "../../support/deadline.ts";
import { makeGateway, makeRecord, type Phone } from "../../support/gateway.ts";
import { type HomeAssistantPort, startHomeAssistant } from "../../support/home_assistant_server.ts";
import { listen } from "../../support/listener.ts";
import { recordTelemetry } from "../../support/telemetry.ts";

interface House {
  readonly port: HomeAssistantPort;
  readonly gateway: Awaited<ReturnType<typeof makeGateway>>;
  /** Returns a client whose key may read some entities. */
  guest(read: readonly string[]): Promise<Phone>;
  /** Log of the hub. */
  readonly logged: readonly string[];
}

/** Options of a house in a test. */
interface HouseOptions {
  /** Token of the gateway; the right one by default. */
  readonly token?: string;
  /** Address of Home Assistant; the simulated one by default. */
  readonly url?: string;
  readonly maxEventBytes?: number;
  readonly resumeSeconds?: number;
}

/** Runs a test with a gateway and a simulated Home Assistant. */
async function withHouse(
  test: (house: House) => Promise<void>,
  { token, url, maxEventBytes = 100_000, resumeSeconds = 60 }: HouseOptions = {},
): Promise<void> {
  await using port = startHomeAssistant(() => 1_700_000_000_000);
  const config = parseConfig({
    "HOME_ASSISTANT_URL": url ?? port.url,
    "HOME_ASSISTANT_TOKEN": token ?? port.token,
    "RESUME_SECONDS": `${resumeSeconds}`,
  });
  const address = addressOf(config.home_assistant);
  if (address === undefined) throw new Error("Not configured");
  const encoder = new EventEncoder({ randomBytes, clock: SYSTEM_CLOCK });
  const now = () => 1_700_000_000_000;
  const logged: string[] = [];
  const write = (_message: string, properties?: Readonly<Record<string, unknown>>) =>
    void logged.push(String(properties?.["reason"]));
  const log = { debug: write, info: write, warn: write, error: write };
  const hub = openStateHub({ address, trust: undefined }, {
    ...{ config, encoder, log, now, randomBytes },
    metrics: { gauge: () => {}, counter: () => {} },
    random: () => 0,
  });
  const service = {
    ...createHomeAssistantService({ ask: undefined, now }),
    subscribe: createSubscribe(hub, { encoder, maxEventBytes, telemetry: recordTelemetry(), now }),
  };
  const gateway = await makeGateway({ services: [service], log: getLogger("test") });
  const guest = async (read: readonly string[]) => {
    const record = makeRecord({ name: "guest", rights: { "home_assistant": { read } } });
    await gateway.keyring.replace({ single: gateway.secret, records: [record] });
    return await gateway.phone(record.secret);
  };
  try {
    await within("the test", test({ port, gateway, guest, logged }));
  } finally {
    hub.close(new ServiceError(503, "Test is over", { code: "restart" }));
    await gateway[Symbol.asyncDispose]();
  }
}

/** Subscribes, and returns a reader of events. */
async function subscribe(phone: Phone, fields: Readonly<Record<string, unknown>>) {
  const { response, exchange } = await phone.exchange("/subscribe", { service: "home_assistant", ...fields });
  const { next, cancel } = await listen(phone, response, exchange);
  return {
    next,
    cancel,
    /** Reads some events, each as a short text. */
    async texts(count: number): Promise<string[]> {
      const texts: string[] = [];
      while (texts.length < count) texts.push(textOf(await next()));
      return texts;
    },
  };
}

function textOf(event: Readonly<Record<string, unknown>> | undefined): string {
  const { type, topic, payload, retain, code } = event ?? {};
  if (type === "message") {
    return `${topic}=${JSON.parse(String(payload))?.state ?? "removed"}${retain === true ? " retained" : ""}`;
  }
  return code === undefined ? String(type) : `${type} ${code}`;
}

for (const version of [1, 2] satisfies readonly Version[]) {
  Deno.test(`subscribe() streams the states and each change in version ${version}`, () =>
    withHouse(async ({ port, gateway }) => {
      const phone = await gateway.phone(gateway.secret, { version });
      const { next, texts, cancel } = await subscribe(phone, { entities: ["light.*", "lock.front_door"] });
      const { message: _1, epoch: _2, offset, ...connected } = await next() ?? {};
      assertEquals(connected, {
        type: "connected",
        topic: "light.*",
        topics: ["light.*", "lock.front_door"],
      });
      assert(Number(offset) > 0);
      const { payload, epoch: _3, offset: first, ...message } = await next() ?? {};
      assertEquals(message, {
        type: "message",
        topic: "light.kitchen",
        qos: 0,
        retain: true,
        timestamp: 1_700_000_000,
      });
      assert(Number(first) > Number(offset));
      assertEquals(JSON.parse(String(payload)), {
        "entity_id": "light.kitchen",
        state: "off",
        attributes: port.home.state("light.kitchen")?.attributes,
        "last_changed": "2023-11-14T22:13:20+00:00",
        "last_updated": "2023-11-14T22:13:20+00:00",
      });
      port.home.set("sensor.power", { state: "1" });
      port.home.set("light.kitchen", { state: "on" });
      port.home.remove("light.living_room");
      assertEquals(await texts(4), [
        "light.living_room=on retained",
        "lock.front_door=locked retained",
        "light.kitchen=on",
        "light.living_room=removed",
      ]);
      await cancel();
    }));
}

Deno.test("subscribe() resumes with what was missed, and reports a gap after a lost connection", () =>
  withHouse(async ({ port, gateway }) => {
    const first = await subscribe(gateway, { entities: ["light.kitchen"] });
    await first.next();
    const { epoch, offset } = await first.next() ?? {};
    const since = { epoch, offset };
    const other = await subscribe(gateway, { entities: ["lock.*"] });
    await other.texts(2);
    await first.cancel();
    port.home.set("light.kitchen", { state: "on" });
    port.home.set("light.kitchen", { state: "off" });
    port.home.set("lock.front_door", { state: "open" });
    // Then the changes before it have arrived, too.
    assertEquals(await other.texts(1), ["lock.front_door=open"]);
    const resumed = await subscribe(gateway, { entities: ["light.kitchen"], since });
    assertEquals(await resumed.texts(3), ["connected", "light.kitchen=on", "light.kitchen=off"]);
    port.simulated.dropConnections();
    assertEquals(await resumed.texts(1), ["disconnected service_unreachable"]);
    assertEquals(await resumed.next(), undefined);
    assertEquals(await other.texts(1), ["disconnected service_unreachable"]);
    assertEquals(await other.next(), undefined);
    const later = await subscribe(gateway, { entities: ["light.kitchen"], since });
    assertEquals(await later.texts(3), ["connected", "gap", "light.kitchen=off retained"]);
    await later.cancel();
  }));

Deno.test("subscribe() with keep lasts while Home Assistant restarts", () =>
  withHouse(async ({ port, gateway }) => {
    const { texts, cancel } = await subscribe(gateway, { entities: ["light.kitchen"], keep: true });
    assertEquals(await texts(2), ["connected", "light.kitchen=off retained"]);
    port.simulated.dropConnections();
    port.home.set("light.kitchen", { state: "on" });
    assertEquals(await texts(4), ["offline", "online", "gap", "light.kitchen=on retained"]);
    await cancel();
  }));

Deno.test("subscribe() passes on only what the key may read, however wide the request", () =>
  withHouse(async ({ port, guest }) => {
    port.home.set("light.all", {
      state: "on",
      attributes: { "entity_id": ["light.kitchen", "lock.front_door", "light.hall"], "level": 1 },
    });
    const { next, cancel } = await subscribe(await guest(["light.all", "light.hall", "sensor.*"]), {
      entities: ["light.*"],
    });
    assertEquals((await next())?.["type"], "connected");
    const { topic, payload } = await next() ?? {};
    assertEquals(topic, "light.all");
    assertEquals(JSON.parse(String(payload)).attributes, { "entity_id": ["light.hall"], level: 1 });
    port.home.set("light.kitchen", { state: "on" });
    port.home.set("sensor.power", { state: "1" });
    port.home.set("light.hall", { state: "on" });
    assertEquals(textOf(await next()), "light.hall=on");
    await cancel();
  }));

Deno.test("subscribe() refuses entities that the key does not grant, the same whether or not they exist", () =>
  withHouse(async ({ port, guest }) => {
    const phone = await guest(["light.*_lamp", "*.hall"]);
    const refusalOf = async (entity: string) => {
      const { next } = await subscribe(phone, { entities: ["light.hall", entity] });
      const { type, code, message } = await next() ?? {};
      assertEquals(await next(), undefined);
      return [type, code, String(message).replace(entity, "ENTITY")];
    };
    const refusals = [];
    for (const entity of ["lock.front_door", "lock.nothing", "lock.front_*", "light.kitchen", "*.front_door"]) {
      refusals.push(await refusalOf(entity));
    }
    assertEquals(new Set(refusals.map(String)), new Set(["error,scope,This key may not read the entity ENTITY"]));
    assertEquals(port.simulated.requests, []);
  }));

Deno.test("subscribe() names the fault in its fields, before it connects", () =>
  withHouse(async ({ port, gateway }) => {
    const faults = {
      "Missing required field: entities": {},
      "Invalid field: entities: must be a list of 1 to 100 patterns": { entities: [] },
      "Invalid field: entities: each must be a pattern of entities": { entities: ["light.hall", "Light.Hall"] },
      "Invalid field: since: must be an object": { entities: ["*"], since: 1 },
      "Invalid field: keep: must be true or false": { entities: ["*"], keep: "yes" },
    };
    for (const [message, fields] of Object.entries(faults)) {
      const { next } = await subscribe(gateway, fields);
      const event = await next() ?? {};
      assertEquals([event["type"], event["code"]], ["error", "field"]);
      assert(String(event["message"]).startsWith(message), String(event["message"]));
    }
    const { next } = await subscribe(gateway, { entities: Array.from({ length: 101 }, (_, n) => `light.l${n}`) });
    assertEquals((await next())?.["code"], "field");
    assertEquals(port.simulated.requests, []);
  }));

Deno.test("subscribe() passes on no token of a camera", () =>
  withHouse(async ({ port, gateway }) => {
    const { next, cancel } = await subscribe(gateway, { entities: ["camera.*"] });
    await next();
    const first = String((await next())?.["payload"]);
    port.home.set("camera.front_door", { state: "recording" });
    const second = String((await next())?.["payload"]);
    for (const payload of [first, second]) assert(!payload.includes(CAMERA_TOKEN.slice(0, 8)), payload);
    assert(second.includes("Front door camera"));
    await cancel();
  }));

Deno.test("subscribe() shares one connection among all keys, and closes it after the last listener left", () =>
  withHouse(async ({ port, gateway, guest }) => {
    const own = await subscribe(gateway, { entities: ["*"] });
    await own.texts(2);
    const other = await subscribe(await guest(["lock.*"]), { entities: ["*"] });
    assertEquals(await other.texts(2), ["connected", "lock.front_door=locked retained"]);
    assertEquals(port.simulated.requests, ["GET /api/websocket"]);
    await own.cancel();
    await other.cancel();
    await until("no connection is left", () => port.simulated.connections === 0);
  }, { resumeSeconds: 0 }));

Deno.test("subscribe() fails when Home Assistant refuses the token, and connects no more", () =>
  withHouse(async ({ port, gateway, logged }) => {
    for (let attempt = 0; attempt < 3; attempt++) {
      const { next, texts } = await subscribe(gateway, { entities: ["*"], keep: true });
      assertEquals(await texts(1), ["error service_answer"]);
      assertEquals(await next(), undefined);
    }
    assertEquals(port.simulated.requests.length, 1);
    assertEquals(logged, [
      "Home Assistant refuses the gateway's token: set HOME_ASSISTANT_TOKEN, and restart the gateway",
    ]);
  }, { token: "another-token" }));

Deno.test("subscribe() ends with an error when the token is withdrawn", () =>
  withHouse(async ({ port, gateway }) => {
    const { texts } = await subscribe(gateway, { entities: ["light.kitchen"], keep: true });
    await texts(2);
    port.simulated.invalidateToken();
    assertEquals(await texts(2), ["offline", "error service_answer"]);
  }));

Deno.test("subscribe() fails when Home Assistant cannot be reached", () =>
  withHouse(async ({ gateway }) => {
    const { texts } = await subscribe(gateway, { entities: ["*"], keep: true });
    assertEquals(await texts(1), ["error service_unreachable"]);
  }, { url: "http://127.0.0.1:1" }));

Deno.test("subscribe() leaves out a state that is too large, and says so", () =>
  withHouse(async ({ port, gateway }) => {
    const { next, texts, cancel } = await subscribe(gateway, { entities: ["light.kitchen"] });
    await texts(2);
    port.home.set("light.kitchen", { state: "on", attributes: { text: "x".repeat(2000) } });
    assertEquals((await next())?.["message"], "State of light.kitchen is larger than 1000 bytes: left out");
    port.home.set("light.kitchen", { state: "off", attributes: {} });
    assertEquals(await texts(1), ["light.kitchen=off"]);
    await cancel();
  }, { maxEventBytes: 1000 }));
