import { assertEquals, assertRejects } from "@std/assert";
import { Mutex } from "../../../src/lib/async.ts";
import { KeyFileError } from "../../../src/keys/default_key_file.ts";
import { Scope } from "../../../src/keys/rights.ts";
import type { KeysChange } from "../../../src/keys/keyring_file.ts";
import type { KeyRecord } from "../../../src/keys/schema.ts";
import { deriveKeyId } from "../../../src/protocol/secret_key.ts";
import { randomBytes } from "../../../src/protocol/bytes.ts";
import { createDeviceService } from "../../../src/services/device/service.ts";
import { SERVICES } from "../../../src/services/registry.ts";
import { type Service, ServiceError } from "../../../src/services/service.ts";
import { makeGateway, makeRecord, NOW, type Phone, services } from "../../support/gateway.ts";
import { subscribe } from "../../support/listener.ts";

const RECORD = makeRecord({ name: "phone", rights: { mqtt: { publish: ["a"], subscribe: ["#"], brokers: [] } } });

/** Service of actions whose runs are counted, or cannot be. */
function countedActions(readUses: Service["readUses"]): Service {
  const unused = () => Promise.reject(new Error("Not used"));
  return {
    name: "action",
    fieldErrorStatus: 400,
    target: () => undefined,
    handle: unused,
    ...readUses && { readUses },
  };
}

/** A gateway with the keys of some records, and a file that other programs may edit before the gateway loads it. */
async function makeHome(records: readonly KeyRecord[], readUses?: Service["readUses"]) {
  const file = { records, fault: undefined as Error | undefined };
  const logged: string[] = [];
  const mutex = new Mutex();
  const log = (text: string, fields = {}) => void logged.push(`${text} ${JSON.stringify(fields)}`);
  const edit = (change: KeysChange) =>
    mutex.runExclusive(async () => {
      if (file.fault !== undefined) throw file.fault;
      file.records = await change(file.records);
      await gateway.keyring.replace({ single: gateway.secret, records: file.records });
    });
  const service = createDeviceService({
    keys: { find: (kid) => gateway.keyring.find(kid), edit },
    modules: SERVICES,
    findService: (name) => name === "action" ? countedActions(readUses) : undefined,
    version: "1.2.3",
    now: () => NOW * 1000 + 250,
    log: { debug: log, info: log, warn: log, error: log },
  });
  const gateway = await makeGateway({
    services: (mqtt) => [...services(() => Promise.reject(new Error("Not used"))).slice(0, 1), mqtt, service],
    log: { debug: log, info: log, warn: log, error: log },
    connect: () => Promise.reject(new Error("No broker")),
  });
  await gateway.keyring.replace({ single: gateway.secret, records });
  const phoneOf = ({ secret }: Pick<KeyRecord, "secret">, version: 1 | 2 = 2) => gateway.phone(secret, { version });
  return { file, logged, gateway, service, phoneOf };
}

const DEVICE = { service: "device" };
const FORGET = { service: "device", forget: true };

/** Sends a request and returns the status and the body, which is an object, or an error in a text. */
async function ask(phone: Phone, payload: Record<string, unknown>): Promise<unknown[]> {
  const { status, body } = await phone.request("/gateway", payload);
  return [status, typeof body === "string" ? JSON.parse(body) : body];
}

/** Returns the HTTP status of a request, of which 401 shows that the key does not work. */
const httpStatus = async (phone: Phone) => (await phone.ask("/gateway", DEVICE)).status;

for (const version of [1, 2] as const) {
  Deno.test(`device describes the key of a request in version ${version}`, async () => {
    const record = { ...RECORD, label: "Anna's phone", expires: (NOW + 60) * 1000 };
    const { phoneOf } = await makeHome([record]);
    assertEquals(await ask(await phoneOf(record, version), DEVICE), [200, {
      name: "phone",
      kid: await deriveKeyId(record.secret),
      default: false,
      label: "Anna's phone",
      created: NOW,
      expires: NOW + 60,
      minProtocol: 1,
      rights: record.rights,
      summary: ["MQTT publish a, subscribe #"],
      services: ["mqtt"],
      version: "1.2.3",
      time: NOW + 0.25,
    }]);
  });
}

Deno.test("device answers a key without any right, and one that expires never", async () => {
  const record = makeRecord({ name: "nothing", minProtocol: 2 });
  const { phoneOf } = await makeHome([record]);
  assertEquals(await ask(await phoneOf(record), DEVICE), [200, {
    name: "nothing",
    kid: await deriveKeyId(record.secret),
    default: false,
    created: NOW,
    minProtocol: 2,
    rights: {},
    summary: [],
    services: [],
    version: "1.2.3",
    time: NOW + 0.25,
  }]);
});

Deno.test("device describes the key default, which has every right and no time of creation", async () => {
  const { gateway, phoneOf } = await makeHome([]);
  const [status, body] = await ask(await phoneOf(gateway), DEVICE);
  const { name, default: isDefault, summary, services, created, uses } = Object(body);
  assertEquals([status, name, isDefault, created, uses], [200, "default", true, undefined, undefined]);
  assertEquals([summary, services], [["every right"], SERVICES.map(({ name }) => name)]);
});

Deno.test("device has the uses that are left, and null where they cannot be counted", async () => {
  const record = makeRecord({ name: "guest", rights: { action: { actions: ["open-gate"], uses: 3 } } });
  const usesWith = async (readUses: Service["readUses"]) => {
    const { phoneOf } = await makeHome([record], readUses);
    const [status, body] = await ask(await phoneOf(record), DEVICE);
    return [status, Object(body).uses];
  };
  const seen: unknown[] = [];
  const counted = await usesWith(({ scope: _, ...context }) => {
    seen.push(context.key, context.kid, context.keyCreated);
    return Promise.resolve({ left: 2, of: 3 });
  });
  assertEquals(counted, [200, { action: { left: 2, of: 3 } }]);
  assertEquals(seen, ["guest", await deriveKeyId(record.secret), NOW * 1000]);
  assertEquals(await usesWith(() => Promise.resolve(undefined)), [200, undefined]);
  assertEquals(await usesWith(() => Promise.reject(new Error("Disk"))), [200, { action: null }]);
});

Deno.test("device refuses a field forget that is not true or false, and describes for false", async () => {
  const { phoneOf, file } = await makeHome([RECORD]);
  const phone = await phoneOf(RECORD);
  for (const forget of ["true", 1, {}, [true]]) {
    const error = { error: "Invalid field: forget: must be true or false", code: "field" };
    assertEquals(await ask(phone, { ...DEVICE, forget }), [400, error]);
  }
  assertEquals((await ask(phone, { ...DEVICE, forget: false }))[0], 200);
  assertEquals((await ask(phone, { ...DEVICE, forget: null }))[0], 200);
  assertEquals(file.records, [RECORD]);
});

for (const version of [1, 2] as const) {
  Deno.test(`forget removes the key and is answered under it, and 401 follows, in version ${version}`, async () => {
    const other = makeRecord({ name: "other" });
    const { phoneOf, file, gateway, logged } = await makeHome([RECORD, other]);
    const phone = await phoneOf(RECORD, version);
    assertEquals(await ask(phone, FORGET), [200, { success: true, name: "phone" }]);
    assertEquals(file.records, [other]);
    assertEquals(await httpStatus(phone), 401);
    assertEquals(await httpStatus(await phoneOf(other)), 200);
    assertEquals(logged[0], 'Key {name} was removed by its device {"name":"phone"}');
    assertEquals(gateway.decisions.map(({ service, target, outcome }) => [service, target, outcome]).slice(0, 1), [
      ["device", "forget", "200"],
    ]);
  });
}

Deno.test("forget, sent twice at once as the same request, runs once, and both get the first answer", async () => {
  const { phoneOf, gateway } = await makeHome([RECORD]);
  const phone = await phoneOf(RECORD);
  const { text, exchange } = await phone.sealNow("/gateway", FORGET);
  const responses = await Promise.all([phone.post("/gateway", text), phone.post("/gateway", text)]);
  const answers = await Promise.all(responses.map((response) => phone.answer(response, exchange)));
  assertEquals(answers.map(({ status, body }) => [status, body]), [
    [200, { success: true, name: "phone" }],
    [200, { success: true, name: "phone" }],
  ]);
  assertEquals(gateway.decisions.map(({ outcome }) => outcome).toSorted(), ["200", "repeat, not run again"]);
  assertEquals((await phone.post("/gateway", text)).status, 401);
});

Deno.test("forget, sent twice at once as two requests, removes the key once, and the second learns that it is gone", async () => {
  const other = makeRecord({ name: "other" });
  const { phoneOf, file, logged } = await makeHome([RECORD, other]);
  const phone = await phoneOf(RECORD);
  const [first, second] = await Promise.all([ask(phone, FORGET), ask(phone, FORGET)]);
  assertEquals(first, [200, { success: true, name: "phone" }]);
  const gone = "Key phone was removed or disabled";
  assertEquals(second, [403, { error: gone, code: "key_revoked" }]);
  assertEquals(file.records, [other]);
  assertEquals(logged.filter((line) => line.includes("removed by its device")).length, 1);
});

Deno.test("forget with either secret of a rotated key removes both", async () => {
  const rotated = { ...RECORD, secret: randomBytes(32), previous: { secret: RECORD.secret, until: (NOW + 60) * 1000 } };
  for (const secret of [rotated.secret, RECORD.secret]) {
    const { phoneOf, file } = await makeHome([rotated]);
    assertEquals(await ask(await phoneOf({ secret }), FORGET), [200, { success: true, name: "phone" }]);
    assertEquals(file.records, []);
    assertEquals(await httpStatus(await phoneOf(rotated)), 401);
    assertEquals(await httpStatus(await phoneOf(RECORD)), 401);
  }
});

Deno.test("forget changes nothing when another edit has rotated, replaced, disabled or removed the key meanwhile", async () => {
  const others: readonly (readonly KeyRecord[])[] = [
    [{ ...RECORD, secret: randomBytes(32) }],
    [makeRecord({ name: "phone" })],
    [{ ...RECORD, disabled: true }],
    [{ ...RECORD, name: "renamed" }],
    [],
  ];
  for (const records of others) {
    const { phoneOf, file } = await makeHome([RECORD]);
    file.records = records;
    const phone = await phoneOf(RECORD);
    assertEquals(await ask(phone, FORGET), [403, { error: "Key was removed or disabled", code: "key_revoked" }]);
    assertEquals(file.records, records);
  }
});

Deno.test("forget refuses the key default, and says how to remove it", async () => {
  const { gateway, phoneOf, file } = await makeHome([RECORD]);
  const [status, body] = await ask(await phoneOf(gateway), FORGET);
  assertEquals([status, Object(body).code], [403, "scope"]);
  assertEquals(
    Object(body).error,
    "The key default cannot be removed by a request: on the gateway, add a key for each device with " +
      "deno task keys add NAME, then delete the file of SECRET_KEY_FILE",
  );
  assertEquals(file.records, [RECORD]);
});

Deno.test("forget tells the device nothing of a file that cannot be written, but the log; the key stays", async () => {
  const { phoneOf, file, logged } = await makeHome([RECORD]);
  file.fault = new KeyFileError('Lock file "/secret/path.lock" cannot be used: Read-only file system');
  const phone = await phoneOf(RECORD);
  const error = { error: "The gateway could not remove this key: its log says why", code: "internal" };
  assertEquals(await ask(phone, FORGET), [500, error]);
  assertEquals(logged.filter((line) => line.includes("/secret/path.lock") && line.includes("Read-only")).length, 1);
  assertEquals(await httpStatus(phone), 200);
  file.fault = undefined;
  assertEquals((await ask(phone, FORGET))[0], 200);
});

Deno.test("device has no subscription", async () => {
  const { phoneOf } = await makeHome([RECORD]);
  const stream = await subscribe(await phoneOf(RECORD), DEVICE);
  assertEquals((await stream.next())?.["type"], "error");
});

Deno.test("device fails for a key that stops working while it is asked", async () => {
  const { service } = await makeHome([RECORD]);
  const context = {
    key: "phone",
    kid: "0".repeat(16),
    keyCreated: 0,
    scope: new Scope({}),
    clientSignal: new AbortController().signal,
  };
  const asked = () => service.handle(DEVICE, { ...context, holdMemory: () => {} });
  const { code } = await assertRejects(asked, ServiceError, "Key was removed or disabled");
  assertEquals(code, "key_revoked");
});
