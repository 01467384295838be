/** Clients that share an address with a client without a key, one with an old key, or a slow sender. */
import { assert, assertEquals } from "@std/assert";
import type { Version } from "../../src/protocol/exchange.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { deriveKeyId, KEY_ID_HEADER } from "../../src/protocol/secret_key.ts";
import { memoryCounter } from "../../src/limits/rate_limiter.ts";
import { createRateLimits } from "../../src/limits/rate_limits.ts";
import type { Keyring } from "../../src/keys/keyring.ts";
import { FakeTime } from "../support/fake_time.ts";
import { makeGateway, makeRecord, NOW, type Overrides } from "../support/gateway.ts";

type Gateway = Awaited<ReturnType<typeof makeGateway>>;

const makeLimited = (overrides: Overrides = {}) =>
  makeGateway({
    rates: createRateLimits({
      address: { burst: 120, perSecond: 60 },
      failed: { burst: 10, perSecond: 1 },
      key: { burst: 60, perSecond: 20 },
      createCounter: memoryCounter,
    }),
    ...overrides,
  });

const envelopeV1 = () => randomBytes(60).toBase64();
const envelopeV2 = (kid: string) =>
  `2.${kid}.${randomBytes(60).toBase64({ alphabet: "base64url", omitPadding: true })}`;

/** A request that no key opens. */
interface Garbage {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

async function throwGarbage(gateway: Gateway, count: number, make: () => Garbage): Promise<number[]> {
  const statuses: number[] = [];
  for (let index = 0; index < count; index++) {
    const { body, headers } = make();
    const request = new Request("http://gateway/gateway", { method: "POST", body, headers });
    statuses.push((await gateway.send(request)).status);
  }
  return statuses;
}

const PHONES: readonly { readonly name: string; readonly version: Version; readonly namesKey: boolean }[] = [
  { name: "of version 1", version: 1, namesKey: false },
  { name: "of version 1 that names its key", version: 1, namesKey: true },
  { name: "of version 2", version: 2, namesKey: false },
];

for (const { name, version, namesKey } of PHONES) {
  Deno.test(`a phone ${name} is served while its address sends garbage of every kind`, async () => {
    using time = new FakeTime();
    const gateway = await makeLimited();
    const kid = await deriveKeyId(gateway.secret);
    const headers = namesKey ? { [KEY_ID_HEADER]: kid } : {};
    const phone = await gateway.phone(gateway.secret, { version, headers });
    assertEquals((await phone.request("/gateway", {})).status, 200);
    const kinds: (() => Garbage)[] = [
      () => ({ body: "garbage", headers: {} }),
      () => ({ body: envelopeV1(), headers: {} }),
      () => ({ body: envelopeV1(), headers: { [KEY_ID_HEADER]: randomBytes(8).toHex() } }),
      () => ({ body: envelopeV2(randomBytes(8).toHex()), headers: {} }),
      // Requests that a relay has recorded.
      () => ({ body: envelopeV1(), headers: { [KEY_ID_HEADER]: kid } }),
      () => ({ body: envelopeV2(kid), headers: {} }),
    ];
    for (const make of kinds) {
      await throwGarbage(gateway, 40, make);
      assertEquals((await phone.request("/gateway", {})).status, 200);
      time.pass(2000);
    }
  });

  Deno.test(`a phone ${name} at an address that uses up its requests is served if its requests name its key`, async () => {
    using _time = new FakeTime();
    const gateway = await makeLimited();
    const kid = await deriveKeyId(gateway.secret);
    const phone = await gateway.phone(gateway.secret, { version, headers: namesKey ? { [KEY_ID_HEADER]: kid } : {} });
    assertEquals((await phone.request("/gateway", {})).status, 200);
    const statuses = await throwGarbage(gateway, 300, () => ({ body: envelopeV2("0123456789abcdef"), headers: {} }));
    assertEquals(statuses.at(-1), 429);
    const { response } = await phone.exchange("/gateway", {});
    // Without a key id it cannot be distinguished from garbage before it is opened.
    assertEquals(response.status, version === 1 && !namesKey ? 429 : 200);
  });
}

Deno.test("a new client is admitted beside one with an old key, if it names its key", async () => {
  using _time = new FakeTime();
  const gateway = await makeLimited();
  const old = await gateway.phone(randomBytes(32), { version: 2 });
  const statuses = new Map<number, number>();
  for (let index = 0; index < 30; index++) {
    const { status } = await old.ask("/gateway", {});
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  assertEquals(statuses, new Map([[401, 10], [429, 20]]));
  const phone = await gateway.phone(gateway.secret, { version: 2 });
  assertEquals((await phone.request("/gateway", {})).status, 200);
});

Deno.test("a client that names its key receives the gateway's version and time at an address that failed too often", async () => {
  using _time = new FakeTime();
  const gateway = await makeLimited();
  const headers = { [KEY_ID_HEADER]: await deriveKeyId(gateway.secret) };
  await throwGarbage(gateway, 30, () => ({ body: envelopeV1(), headers: {} }));
  for (const choices of [{ version: 1, headers }, { version: 2 }] as const) {
    const phone = await gateway.phone(gateway.secret, choices);
    for (let index = 0; index < 20; index++) {
      const { status, body, timestamp } = await phone.request("/gateway", { timestamp: 0 });
      assertEquals([status, body, timestamp], [403, '{"error":"Request expired","code":"expired"}', NOW]);
    }
  }
  assertEquals(gateway.failures.length, 10);
});

Deno.test("existing and unknown key ids get the same answers, as often as they are tried", async () => {
  const unknown = "0123456789abcdef";
  for (const floods of [false, true]) {
    const seen: number[][] = [];
    for (const isKnown of [true, false]) {
      using time = new FakeTime();
      const gateway = await makeLimited();
      const kid = isKnown ? await deriveKeyId(gateway.secret) : unknown;
      // The client has used its key from the same address.
      const phone = await gateway.phone(gateway.secret, { version: 2 });
      assertEquals((await phone.request("/gateway", {})).status, 200);
      // Repeats, which use up requests without a failure.
      const { text } = await phone.sealNow("/gateway", {});
      for (let index = 0; floods && index < 150; index++) await phone.post("/gateway", text);
      const statuses: number[] = [];
      for (const pauseMs of [0, 1000, 2000]) {
        time.pass(pauseMs);
        statuses.push(
          ...await throwGarbage(gateway, 30, () => ({ body: envelopeV2(kid), headers: {} })),
          ...await throwGarbage(gateway, 150, () => ({ body: envelopeV1(), headers: { [KEY_ID_HEADER]: kid } })),
        );
      }
      seen.push([...statuses, gateway.failures.length]);
    }
    assertEquals(seen[0], seen[1]);
    const first = seen[0]?.slice(0, 180) ?? [];
    assertEquals(first.filter((status) => status === 401).length, floods ? 0 : 10);
  }
});

Deno.test("an address that failed too often costs one attempt for each request, and none for requests without a key id", async () => {
  using _time = new FakeTime();
  const gateway = await makeGateway();
  const attempts: boolean[] = [];
  const keyring: Keyring = {
    identify: () => undefined,
    open(envelope, sender) {
      attempts.push(sender.fewKeys === true);
      return gateway.keyring.open(envelope, sender);
    },
  };
  const limited = await makeLimited({ keyring });
  await throwGarbage(limited, 10, () => ({ body: envelopeV1(), headers: {} }));
  assertEquals(attempts.splice(0), Array(10).fill(false));
  await throwGarbage(limited, 100, () => ({ body: envelopeV1(), headers: {} }));
  assertEquals(attempts, Array(100).fill(true));
});

Deno.test("a client with a key's id but not the key gets no more attempts than twice the address's rate", async () => {
  using _time = new FakeTime();
  const gateway = await makeGateway();
  let attempts = 0;
  const keyring: Keyring = {
    identify: () => undefined,
    open(envelope, sender) {
      attempts += 1;
      return gateway.keyring.open(envelope, sender);
    },
  };
  const limited = await makeLimited({ keyring });
  const phone = await limited.phone(gateway.secret, { version: 2 });
  assertEquals((await phone.request("/gateway", {})).status, 200);
  const kid = await deriveKeyId(gateway.secret);
  await throwGarbage(limited, 1000, () => ({ body: envelopeV2(kid), headers: {} }));
  assertEquals(attempts, 240);
});

Deno.test("recorded requests do not associate an address with a key", async () => {
  using _time = new FakeTime();
  const gateway = await makeLimited();
  const owner = await gateway.phone(gateway.secret, { version: 2, peer: "198.51.100.7" });
  const { text } = await owner.sealNow("/gateway", {});
  await owner.post("/gateway", text);
  const recorder = await gateway.phone(randomBytes(32));
  const statuses: number[] = [];
  for (let index = 0; index < 200; index++) statuses.push((await recorder.post("/gateway", text)).status);
  assertEquals(statuses.filter((status) => status === 200).length, 120, "Repeats are answered at the address's rate");
  assertEquals(gateway.calls.length, 1);
});

Deno.test("failures of one key at an address do not use up those of another key there", async () => {
  using _time = new FakeTime();
  const gateway = await makeLimited();
  const guest = makeRecord({ name: "guest", services: ["jeedom"] });
  await gateway.keyring.replace({ single: gateway.secret, records: [guest] });
  const phones = [await gateway.phone(gateway.secret), await gateway.phone(guest.secret)];
  for (const phone of phones) assertEquals((await phone.request("/gateway", {})).status, 200);
  const stale = await gateway.phone(guest.secret);
  for (let index = 0; index < 40; index++) await stale.ask("/gateway", { timestamp: 1 });
  for (const phone of phones) assertEquals((await phone.request("/gateway", {})).status, 200);
});

Deno.test("slow bodies of an address are aborted for its next one, before they reach its limit", async () => {
  let ms = 0;
  const gateway = await makeGateway({ requests: { maxPerAddress: 8, bodyTimeoutMs: 1000 }, limiterClock: () => ms });
  const ended: number[] = [];
  const sendSlowly = async () => {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new Uint8Array(1)) });
    ended.push((await gateway.send(new Request("http://gateway/gateway", { method: "POST", body }))).status);
  };
  const slow: Promise<void>[] = [];
  for (let index = 0; index < 4; index++) slow.push(sendSlowly());
  assertEquals((await gateway.request("/gateway", { timestamp: NOW })).status, 200);
  assertEquals(ended, [], "aborted though they have only begun");
  for (let index = 0; index < 20; index++) {
    ms += 500;
    slow.push(sendSlowly());
    assertEquals((await gateway.request("/gateway", { timestamp: NOW })).status, 200);
  }
  assert(ended.length >= 22 && ended.every((status) => status === 408), String(ended));
  await Promise.all(slow);
});
