/** The field `batch` of a subscription. */
import { assertEquals } from "@std/assert";
import { makeBroker } from "../support/fake_broker.ts";
import { EPOCH, makeGateway, NOW } from "../support/gateway.ts";
import { subscribe } from "../support/listener.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

async function makeHome() {
  const { connect, state } = makeBroker();
  const gateway = await makeGateway({ connect, pool: { resumeMs: 60_000 } });
  return {
    gateway,
    phone: await gateway.phone(gateway.secret, { version: 2 }),
    deliver: (...payloads: readonly string[]) => {
      for (const payload of payloads) state.deliver({ topic: "a", payload: bytes(payload), qos: 0, retain: false });
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

Deno.test("a subscription of version 2 with batch gets messages that waited together as one event, each with its position", async () => {
  await using home = await makeHome();
  const stream = await subscribe(home.phone, { topic: "a", batch: true });
  const connected = await stream.next();
  assertEquals(connected?.["type"], "connected");
  home.deliver("1", "2");
  const message = (offset: number, payload: string) => (
    { topic: "a", payload, qos: 0, retain: false, timestamp: NOW, epoch: EPOCH, offset }
  );
  const first = Number(connected?.["offset"]) + 1;
  assertEquals(await stream.next(), {
    type: "messages",
    messages: [message(first, "1"), message(first + 1, "2")],
  });
  home.deliver("3");
  assertEquals(await stream.next(), { type: "message", ...message(first + 2, "3") });
  await stream.cancel();
});

Deno.test("a subscription that resumes within a batch gets the rest of it, after connected and in one event", async () => {
  await using home = await makeHome();
  const before = await subscribe(home.phone, { topic: "a", batch: true });
  const offset = Number((await before.next())?.["offset"]);
  home.deliver("1", "2", "3");
  await before.next();
  await before.cancel();
  const after = await subscribe(home.phone, { topic: "a", batch: true, since: { epoch: EPOCH, offset: offset + 1 } });
  assertEquals((await after.next())?.["type"], "connected");
  const batch = await after.next();
  assertEquals([batch?.["type"], JSON.stringify(batch?.["messages"]).match(/"payload":"."/g)], [
    "messages",
    [`"payload":"2"`, `"payload":"3"`],
  ]);
  await after.cancel();
});

Deno.test("messages come one by one without batch, with false or null, and in version 1 whatever the field is", async () => {
  await using home = await makeHome();
  const streams = [
    await subscribe(home.phone, { topic: "a" }),
    await subscribe(home.phone, { topic: "a", batch: false }),
    await subscribe(home.phone, { topic: "a", batch: null }),
    await subscribe(home.gateway, { topic: "a", batch: true }),
    await subscribe(home.gateway, { topic: "a", batch: "yes" }),
  ];
  for (const stream of streams) assertEquals((await stream.next())?.["type"], "connected");
  home.deliver("1", "2");
  for (const stream of streams) {
    assertEquals([(await stream.next())?.["payload"], (await stream.next())?.["payload"]], ["1", "2"]);
    await stream.cancel();
  }
});

Deno.test("a subscription of version 2 whose batch is neither true nor false is refused with an error that names the field", async () => {
  await using home = await makeHome();
  for (const batch of ["true", 1, {}, []]) {
    const stream = await subscribe(home.phone, { topic: "a", batch });
    assertEquals(await stream.next(), {
      type: "error",
      source: "gateway",
      code: "field",
      message: "Invalid field: batch: must be true or false",
      timestamp: NOW,
    });
    assertEquals(await stream.next(), undefined);
  }
});
