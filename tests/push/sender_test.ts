/** The sender with a push service on loopback, a store in memory, and a clock that the test advances. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { parseHostPattern } from "../../src/net/egress.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { formatNotification, parseNotification } from "../../src/protocol/push/notification.ts";
import type { DeliveryDropReason } from "../../src/push/delivery_telemetry.ts";
import type { PushNetwork } from "../../src/push/push_connection.ts";
import { PushSender, type SenderOptions } from "../../src/push/sender.ts";
import { VapidTokens } from "../../src/push/vapid.ts";
import { generateVapidKey, parseVapidKey } from "../../src/push/vapid_key.ts";
import { MemoryPush } from "../support/memory_push.ts";
import type { NewMessage } from "../../src/store/state/push_store.ts";
import { batchOf } from "../support/push_batch.ts";
import { HAS_OPENSSL, makeCertificate } from "../support/certificate.ts";
import { needing } from "../support/needs.ts";
import { until } from "../support/deadline.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { TestPushService, type TestSubscription } from "../support/push_service.ts";
import { inTempDir } from "../support/temp_dir.ts";

const OWNER = { key: "phone", keyCreated: 1 };
const LIMITS = { now: 0, maxPerSubscription: 100, max: 1000, maxAlerts: 100 };
const DAY_MS = 86_400_000;

const vapidKey = await parseVapidKey(await generateVapidKey());

/** Sender, and what it works with. */
class SenderTest {
  readonly clock = new ManualClock();
  readonly store = new MemoryPush();
  /** Counts by outcome. */
  readonly counts: Record<string, number> = {};
  /** Lines of the log. */
  readonly lines: string[] = [];
  readonly services: TestPushService[] = [];
  isInForce = true;
  readonly #tls: { readonly cert: string; readonly key: string };
  #sender: PushSender | undefined;
  #alerts = 0;

  constructor(tls: { readonly cert: string; readonly key: string }) {
    this.#tls = tls;
  }

  /** Network that trusts the certificate of the services. */
  get network(): PushNetwork {
    const caCerts = [this.#tls.cert];
    return {
      connect: (options) => Deno.connect(options),
      startTls: (connection, options) => Deno.startTls(connection, { ...options, caCerts }),
    };
  }

  async service(): Promise<TestPushService> {
    const service = await TestPushService.start(this.#tls);
    this.services.push(service);
    return service;
  }

  start(options: Partial<SenderOptions> = {}): PushSender {
    const count = (name: string, added: number) => this.counts[name] = (this.counts[name] ?? 0) + added;
    const log = (message: string, properties?: Record<string, unknown>) =>
      void this.lines.push(`${message} ${JSON.stringify(properties ?? {})}`);
    const sender = new PushSender({
      store: this.store,
      network: this.network,
      tokens: new VapidTokens(vapidKey, "mailto:operator@home.example"),
      allowedHosts: this.services.map(({ host }) => parseHostPattern(host)),
      isInForce: () => this.isInForce,
      clock: this.clock,
      random: () => 0,
      randomBytes,
      telemetry: {
        sent: () => count("sent", 1),
        expired: (added) => count("expired", added),
        replaced: (added) => count("replaced", added),
        dropped: (reason: DeliveryDropReason, added) => count(reason, added),
      },
      log: { debug: log, info: log, warn: log, error: log },
      ...options,
    });
    this.#sender = sender;
    sender.start();
    return sender;
  }

  /** Adds a subscription, and returns its id. */
  async add({ endpoint, keys }: TestSubscription, key: string = OWNER.key): Promise<string> {
    const id = randomBytes(8).toHex();
    const subscription = {
      ...OWNER,
      key,
      id,
      kid: "",
      endpoint,
      ...keys,
      kind: "web",
      created: this.clock.now(),
    } as const;
    return await this.store.addSubscription(subscription, { max: 100 }) ?? "";
  }

  /** Adds messages to the queue. */
  async queue(subscription: string, texts: readonly string[], options: Partial<NewMessage> = {}): Promise<void> {
    for (const text of texts) {
      const alert = `${this.#alerts++}`;
      const message = { subscription, alert, text, urgency: "normal" as const, expires: this.clock.now() + DAY_MS };
      await this.store.enqueue(
        batchOf({ ...OWNER, id: alert, at: 0, json: "{}" }, [{ ...message, ...options }]),
        LIMITS,
      );
    }
    this.#sender?.wake();
  }

  /** Waits until messages have left the queue, or wait for a later attempt. */
  async untilIdle(): Promise<void> {
    await until("an idle sender", async () => {
      const { next } = await this.store.queueState();
      return this.#sender?.sending === 0 && (next === undefined || next > this.clock.now());
    });
  }

  async untilCounted(name: string, count = 1): Promise<void> {
    await until(`${count} ${name}: ${JSON.stringify(this.counts)}`, () => (this.counts[name] ?? 0) >= count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const service of this.services) service.release();
    await this.#sender?.stop();
    for (const service of this.services) await service[Symbol.asyncDispose]();
    for (const { endpoint, p256dh, auth } of await this.store.listSubscriptions()) {
      for (const secret of [new URL(endpoint).pathname, p256dh, auth]) {
        assert(!this.lines.some((line) => line.includes(secret)), "A secret is in the log");
      }
    }
  }
}

function test(name: string, run: (test: SenderTest) => Promise<void>): void {
  Deno.test({
    ...needing(name, { openssl: HAS_OPENSSL }),
    fn: () =>
      inTempDir(async (directory) => {
        await makeCertificate(directory);
        const [cert, key] = await Promise.all(
          ["cert.pem", "key.pem"].map((file) => Deno.readTextFile(`${directory}/${file}`)),
        );
        await using test = new SenderTest({ cert: cert ?? "", key: key ?? "" });
        await run(test);
      }),
  });
}

test("PushSender sends messages in their order, each once, with its TTL, urgency and topic", async (test) => {
  const service = await test.service();
  const device = service.subscribe();
  const id = await test.add(device);
  test.start();
  await test.queue(id, ["first", "second", "third"]);
  await test.queue(id, ["ring"], { urgency: "high", topic: "doorbell", expires: test.clock.now() + 60_000 });
  await test.untilCounted("sent", 4);
  assertEquals(service.received.map(({ text }) => text), ["first", "second", "third", "ring"]);
  const [first, , , ring] = service.received;
  assertEquals([first?.headers["ttl"], first?.headers["urgency"], first?.headers["topic"]], [
    "86400",
    "normal",
    undefined,
  ]);
  assertEquals([ring?.headers["ttl"], ring?.headers["urgency"]], ["60", "high"]);
  await test.untilIdle();
  const [subscription] = await test.store.listSubscriptions();
  assertEquals(subscription?.lastSuccess, 0);
  assertEquals(test.counts, { sent: 4 });
});

test("PushSender lets the push service replace an undelivered message by its topic", async (test) => {
  const service = await test.service();
  const device = service.subscribe();
  const id = await test.add(device);
  test.start();
  await test.queue(id, ["closed"], { topic: "door" });
  await test.queue(id, ["rain"], { topic: "weather" });
  await test.untilCounted("sent", 2);
  await test.queue(id, ["open"], { topic: "door" });
  await test.untilCounted("sent", 3);
  assertEquals(service.connect(device), ["rain", "open"]);
});

test("PushSender removes the subscription of a 404 or 410 with all that waits for it", async (test) => {
  const service = await test.service();
  const [one, other] = [service.subscribe(), service.subscribe()];
  const ids = [await test.add(one), await test.add(other)];
  service.unsubscribe(one);
  service.answersOf.set(new URL(other.endpoint).pathname, { status: 404 });
  await test.queue(ids[0] ?? "", ["a", "b", "c"]);
  await test.queue(ids[1] ?? "", ["d"]);
  test.start();
  await test.untilCounted("gone", 4);
  assertEquals(await test.store.listSubscriptions(), []);
  assertEquals(test.counts, { gone: 4 });
  assertEquals(await test.store.queueState(), { length: 0, next: undefined });
});

test("PushSender shortens a message that is too large, and gives it up when it still is", async (test) => {
  const service = await test.service();
  const id = await test.add(service.subscribe());
  const notification = {
    ...{ id: "1", title: "Door", body: "é".repeat(900), tag: "door", timestamp: 1, actions: [] },
    urgency: "normal",
  } as const;
  const text = formatNotification(notification);
  service.answers.push({ status: 413 });
  test.start();
  await test.queue(id, [text]);
  await test.untilCounted("sent");
  const [long, short] = service.received;
  assertLess(short?.bytes ?? 0, long?.bytes ?? 0);
  assert(parseNotification(short?.text ?? "")?.body.endsWith("…"), short?.text);
  service.answers.push({ status: 413 }, { status: 413 }, { status: 413 });
  await test.queue(id, [text, "not a notification", "sent again"]);
  await test.untilCounted("too_large", 2);
  await test.untilCounted("sent", 2);
});

test("PushSender gives up a message that is refused, redirected, or whose gateway is not accepted", async (test) => {
  const service = await test.service();
  const id = await test.add(service.subscribe());
  const location = { Location: `https://${service.host}/elsewhere` };
  service.answers.push({ status: 400 }, { status: 307, headers: location }, { status: 401 }, { status: 403 });
  test.start();
  await test.queue(id, ["a", "b", "c", "d", "e"]);
  await test.untilCounted("sent");
  assertEquals(test.counts, { refused: 2, unauthorized: 2, sent: 1 });
  assertEquals(service.received.length, 5, "no redirect is followed");
});

test("PushSender waits as long as Retry-After says, or longer after each attempt, and keeps the order", async (test) => {
  const service = await test.service();
  const id = await test.add(service.subscribe());
  service.answers.push({ status: 429, headers: { "Retry-After": "120" } }, { status: 503 }, { status: 500 });
  test.start();
  await test.queue(id, ["first", "second"]);
  for (const [count, wait] of [[1, 120_250], [2, 5000], [3, 10_000]] as const) {
    await service.until(count);
    await test.untilIdle();
    const { next = 0 } = await test.store.queueState();
    assertEquals(next - test.clock.now(), wait);
    while (test.clock.now() < next) test.clock.pass(Math.min(60_000, next - test.clock.now()));
  }
  await test.untilCounted("sent", 2);
  assertEquals(service.received.map(({ text }) => text), ["first", "first", "first", "first", "second"]);
  assertEquals(test.counts, { sent: 2 });
});

test("PushSender gives up a message whose lifetime ends while it waits", async (test) => {
  const service = await test.service();
  const id = await test.add(service.subscribe());
  service.answers.push({ status: 503 }, { status: 429, headers: { "Retry-After": "3600" } });
  test.start();
  await test.queue(id, ["a"], { expires: test.clock.now() + 2600 });
  await service.until(1);
  await test.untilIdle();
  test.clock.pass(2600);
  await test.untilCounted("expired");
  await test.queue(id, ["b"], { expires: test.clock.now() + 60_000 });
  await test.untilCounted("expired", 2);
  assertEquals(test.counts, { expired: 2 });
  assertEquals(service.received.length, 2);
});

test("PushSender sends again what a service that is down did not get, and not what it may have got", async (test) => {
  const service = await test.service();
  const id = await test.add(service.subscribe());
  await service.down();
  test.start();
  await test.queue(id, ["a"]);
  await until("a failed attempt", async () => ((await test.store.queueState()).next ?? 0) > test.clock.now());
  await test.untilIdle();
  await service.up();
  service.answers.push("break");
  test.clock.pass(2500);
  await test.untilCounted("unconfirmed");
  await test.queue(id, ["b"]);
  await test.untilCounted("sent");
  assertEquals(service.received.map(({ text }) => text), ["a", "b"]);
  assertEquals(test.counts, { unconfirmed: 1, sent: 1 });
  assert((await test.store.listSubscriptions())[0]?.lastFailure !== undefined);
});

test("PushSender gives up a message without an answer within 30 s, once it was sent", async (test) => {
  const service = await test.service();
  const id = await test.add(service.subscribe());
  service.answers.push("hang");
  test.start();
  await test.queue(id, ["a", "b"]);
  await service.until(1);
  test.clock.pass(29_999);
  assertEquals(test.counts, {});
  test.clock.pass(1);
  await test.untilCounted("unconfirmed");
  await test.untilCounted("sent");
  assertEquals(service.received.map(({ text }) => text), ["a", "b"]);
});

test("PushSender tries again when a server accepts the connection and does not answer the TLS handshake", async (test) => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const service = await test.service();
  const { keys } = service.subscribe();
  const host = `localhost:${listener.addr.port}`;
  const id = await test.add({ endpoint: `https://${host}/send/secret-path`, keys });
  test.start({ allowedHosts: [parseHostPattern(host)] });
  await test.queue(id, ["a"]);
  const connection = await accepted;
  test.clock.pass(30_000);
  await test.untilIdle();
  assertEquals((await test.store.queueState()).length, 1);
  assertEquals(test.counts, {});
  assert(test.lines.some((line) => line.includes("waits") && line.includes(host)), test.lines.join("\n"));
  connection.close();
  listener.close();
});

test("PushSender does not send to a server with another certificate, and tries again", async (test) => {
  const service = await test.service();
  const id = await test.add(service.subscribe());
  test.start({ network: { connect: (options) => Deno.connect(options), startTls: Deno.startTls } });
  await test.queue(id, ["a"]);
  await until("a line of the log", () => test.lines.some((line) => line.includes("certificate")));
  await test.untilIdle();
  assertEquals([test.counts, service.received], [{}, []]);
});

test("PushSender does not let a slow push service delay the others, whatever waits for it", async (test) => {
  const [slow, fast] = [await test.service(), await test.service()];
  const slowIds = await Promise.all(Array.from({ length: 30 }, () => test.add(slow.subscribe())));
  const fastIds = await Promise.all(Array.from({ length: 30 }, () => test.add(fast.subscribe(), "tablet")));
  slow.answers.push(...Array<"hang">(30).fill("hang"));
  for (const id of slowIds) await test.queue(id, ["slow"]);
  for (const id of fastIds) await test.queue(id, ["fast"]);
  const sender = test.start();
  await test.untilCounted("sent", 30);
  assertEquals(fast.received.length, 30);
  await slow.until(4);
  assertEquals([slow.received.length, slow.mostAtOnce, sender.sending], [4, 4, 4]);
  const sending = (await test.store.claimMessages(test.clock.now(), 100)).due.length;
  assertEquals(sending, 26, "no message is marked before it is sent");
  assertLess(fast.mostAtOnce, 5);
});

test("PushSender does not let a key with many slow push services delay the messages of other keys", async (test) => {
  const slow = await Promise.all([1, 2, 3, 4].map(() => test.service()));
  const fast = await test.service();
  for (const service of slow) {
    service.answers.push(...Array<"hang">(4).fill("hang"));
    for (let count = 0; count < 4; count++) await test.queue(await test.add(service.subscribe(), "guest"), ["slow"]);
  }
  await test.queue(await test.add(fast.subscribe()), ["fast"]);
  const sender = test.start();
  await test.untilCounted("sent");
  assertEquals(fast.received.length, 1);
  await until("all that the key may send", () => slow.reduce((sum, { hanging }) => sum + hanging, 0) === 8);
  assertEquals(sender.sending, 8);
});

test("PushSender gives up messages of keys that are not in force, and of hosts that are not allowed any more", async (test) => {
  const service = await test.service();
  const id = await test.add(service.subscribe());
  const evil = await test.add({ ...service.subscribe(), endpoint: "https://10.0.0.1/x" });
  test.isInForce = false;
  test.start();
  await test.queue(id, ["a"]);
  await test.untilCounted("key");
  test.isInForce = true;
  await test.queue(evil, ["b"]);
  await test.untilCounted("not_allowed");
  assertEquals([test.counts, service.received], [{ key: 1, not_allowed: 1 }, []]);
});

test("PushSender refuses the address that a connection leads to, whatever its name was resolved to before", async (test) => {
  const service = await test.service();
  const { keys } = service.subscribe();
  const id = await test.add({ endpoint: "https://fcm.googleapis.com/fcm/send/secret", keys });
  const port = Number(new URL(`https://${service.host}`).port);
  const tls: string[] = [];
  test.start({
    network: {
      // As if the name server said so.
      connect: () => Deno.connect({ hostname: "127.0.0.1", port }),
      startTls: (connection, options) => {
        tls.push("handshake");
        return Deno.startTls(connection, options);
      },
    },
  });
  await test.queue(id, ["a"]);
  await test.untilCounted("not_allowed");
  assertEquals([tls, service.received], [[], []]);
});

test("PushSender gives up messages whose subscription was removed or is damaged", async (test) => {
  const service = await test.service();
  const device = service.subscribe();
  const removed = await test.add(device);
  service.answers.push("hang");
  test.start();
  await test.queue(removed, ["a"]);
  await service.until(1);
  await test.store.removeSubscription(removed);
  service.release();
  await test.untilCounted("sent");
  const damaged = await test.add({ ...device, keys: { ...device.keys, p256dh: "AAAA" } });
  await test.queue(damaged, ["b"]);
  await test.untilCounted("invalid");
  assertEquals(test.counts, { sent: 1, invalid: 1 });
});

test("PushSender waits for answers when it stops, and leaves what is not sent in the store", async (test) => {
  const service = await test.service();
  const ids = await Promise.all([1, 2].map(() => test.add(service.subscribe())));
  service.answers.push("hang", "hang");
  const sender = test.start();
  for (const id of ids) await test.queue(id, ["a", "b"]);
  await service.until(2);
  const stopped = sender.stop();
  service.release();
  await stopped;
  assertEquals(test.counts, { sent: 2 });
  const state = await test.store.queueState();
  assertEquals(state.length, 2);
  assertEquals(service.received.length, 2);
});

test("PushSender counts what has no answer when it stops as unconfirmed", async (test) => {
  const service = await test.service();
  const id = await test.add(service.subscribe());
  service.answers.push("hang");
  const sender = test.start();
  await test.queue(id, ["a"]);
  await service.until(1);
  const stopped = sender.stop();
  await until("the timer of the end", () => test.clock.timers > 1);
  test.clock.pass(1500);
  await stopped;
  assertEquals(test.counts, { unconfirmed: 1 });
  assertEquals((await test.store.queueState()).length, 0);
});

test("PushSender leaves a message that is being connected for the next start when it stops", async (test) => {
  const service = await test.service();
  const id = await test.add(service.subscribe());
  const connecting = Promise.withResolvers<void>();
  const sender = test.start({
    network: {
      connect: ({ signal }) => {
        connecting.resolve();
        return new Promise((_resolve, reject) => {
          signal?.addEventListener("abort", () => reject(signal.reason));
        });
      },
      startTls: Deno.startTls,
    },
  });
  await test.queue(id, ["a"]);
  await connecting.promise;
  await sender.stop();
  assertEquals(test.counts, {});
  const next = test.start();
  await test.untilCounted("sent");
  await next.stop();
  assertEquals(service.received.map(({ text }) => text), ["a"]);
});

test("PushSender goes on when the store fails for a while, and reports each work that fails once", async (test) => {
  const service = await test.service();
  const id = await test.add(service.subscribe());
  const { store } = test;
  let failures = 0;
  const failing = <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) => {
    let isFirst = true;
    return (...args: Args) => {
      if (!isFirst) return work(...args);
      isFirst = false;
      failures += 1;
      return Promise.reject(new Error("database is locked"));
    };
  };
  store.claimMessages = failing(store.claimMessages.bind(store));
  store.settleMessage = failing(store.settleMessage.bind(store));
  store.dropInterrupted = failing(store.dropInterrupted.bind(store));
  test.start();
  await test.queue(id, ["a", "b"]);
  await until("all messages", () => {
    test.clock.pass(500);
    return test.counts["sent"] === 2;
  });
  assertEquals(failures, 3);
  assertEquals(service.received.map(({ text }) => text), ["a", "b"]);
  const lines = test.lines.filter((line) => line.includes("database is locked"));
  assertEquals(lines.map((line) => line.split(":")[0]).toSorted(), [
    ...["Push messages are not sent", "The outcome of a push message is not stored"],
  ]);
});

test("PushSender counts what another process had begun to send when it was killed", async (test) => {
  const service = await test.service();
  const id = await test.add(service.subscribe());
  const counts = [3];
  test.store.dropInterrupted = () => Promise.resolve(counts.pop() ?? 0);
  test.start();
  await test.queue(id, ["a"]);
  await test.untilCounted("sent");
  assertEquals(test.counts, { interrupted: 3, sent: 1 });
});
