import { assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { randomBytes } from "../../src/protocol/bytes.ts";
import {
  type Exchange,
  openAnswer,
  parseRequest,
  sealAnswer,
  sealRequest,
  type Version,
} from "../../src/protocol/exchange.ts";
import { StreamOpener, StreamSealer } from "../../src/protocol/v2/stream.ts";
import { hostileText } from "../support/damage.ts";
import { KEY } from "../support/known_keys.ts";
import { openRequest, ROUTES } from "../support/open_request.ts";
import { outcomeOf } from "./refusals.ts";
import { watchKey } from "../support/watched_key.ts";

const VERSIONS: readonly Version[] = [1, 2];
const anyVersion = fc.constantFrom(...VERSIONS);
const anyRoute = fc.constantFrom(...ROUTES);

/** Any JSON value, as its text. */
const json = fc.jsonValue({ stringUnit: "grapheme" }).map((value) => JSON.stringify(value));

const random = randomBytes;

async function exchangeOf(version: Version): Promise<{ text: string; exchange: Exchange }> {
  return await sealRequest(KEY, "{}", { version, route: "/gateway", random });
}

Deno.test("openAnswer() and the gateway's side open what was sealed, for any JSON value, route and version", async () => {
  await fc.assert(fc.asyncProperty(json, json, anyVersion, anyRoute, async (asked, answered, version, route) => {
    const { text, exchange } = await sealRequest(KEY, asked, { version, route, random });
    assertEquals(await openRequest(text, { key: KEY, route }), asked);
    assertEquals(String(await openAnswer(exchange, await sealAnswer(exchange, answered, random))), answered);
  }));
});

Deno.test("StreamOpener returns any JSON value", async () => {
  const { exchange } = await exchangeOf(2);
  if (exchange.version !== 2) throw new Error("Not version 2");
  const sealer = await StreamSealer.begin(exchange, random);
  const opener = await StreamOpener.begin(exchange, sealer.opening);
  await fc.assert(fc.asyncProperty(json, async (event) => {
    const { n, text } = sealer.seal(event);
    assertEquals(String(await opener.open(await text, String(n))), event);
  }));
});

Deno.test("parseRequest() finds the version in the first characters", async () => {
  for (const version of VERSIONS) assertEquals(parseRequest((await exchangeOf(version)).text).version, version);
});

Deno.test("sealAnswer() seals an answer to a repeated request again, and either opens", async () => {
  for (const version of VERSIONS) {
    const { exchange } = await exchangeOf(version);
    const answers = await Promise.all(["first", "second"].map((body) => sealAnswer(exchange, body, random)));
    assertNotEquals(answers[0], answers[1]);
    assertEquals(await Promise.all(answers.map(async (text) => String(await openAnswer(exchange, text)))), [
      "first",
      "second",
    ]);
  }
});

Deno.test("no two encryptions share key and nonce, however many run at the same time", async () => {
  const EXCHANGES = 200;
  const STREAMS = 20;
  const EVENTS = 15;
  const { key, encryptions } = watchKey(KEY);
  const exchangeOnce = async (index: number) => {
    const version = index % 2 === 0 ? 1 : 2;
    const { exchange } = await sealRequest(key, "{}", { version, route: "/gateway", random });
    // A gateway may answer a repeated request twice.
    await Promise.all([sealAnswer(exchange, "{}", random), sealAnswer(exchange, "{}", random)]);
  };
  const openStreams = async () => {
    const { exchange } = await sealRequest(key, "{}", { version: 2, route: "/gateway", random });
    if (exchange.version !== 2) throw new Error("Not version 2");
    // Also several streams that answer one request.
    const sealers = await Promise.all(Array.from({ length: STREAMS }, () => StreamSealer.begin(exchange, random)));
    const texts = Array.from({ length: EVENTS }, () => sealers.map((sealer) => sealer.seal("{}").text));
    await Promise.all(texts.flat());
  };
  await Promise.all([...Array.from({ length: EXCHANGES }, (_, index) => exchangeOnce(index)), openStreams()]);
  assertEquals(encryptions.length, 3 * EXCHANGES + 1 + STREAMS * EVENTS);
  assertEquals(new Set(encryptions.map(({ key, nonce }) => `${key} ${nonce}`)).size, encryptions.length);
  const derived = encryptions.filter(({ key }) => key.includes("e2eg/2"));
  assertEquals(new Set(derived.map(({ key }) => key)).size, 3 * EXCHANGES / 2 + 1 + STREAMS);
});

/** Opens any text: the result is what was sealed, or the one error. */
async function assertHarmless(samples: readonly string[], open: (text: string) => unknown): Promise<void> {
  await fc.assert(
    fc.asyncProperty(hostileText(samples), async (text) => {
      const opened = await outcomeOf(() => open(text));
      if (opened !== undefined) assertEquals(opened, "{}");
    }),
    { numRuns: 400 },
  );
}

Deno.test("parseRequest() throws only its one error on any text", async () => {
  const samples = await Promise.all(VERSIONS.map(async (version) => (await exchangeOf(version)).text));
  await assertHarmless(samples, (text) => openRequest(text, { key: KEY, route: "/gateway" }));
});

Deno.test("openAnswer() throws only its one error on any text", async () => {
  for (const version of VERSIONS) {
    const { exchange } = await exchangeOf(version);
    const samples = [await sealAnswer(exchange, "{}", random), await sealAnswer(exchange, "{}", random)];
    await assertHarmless(samples, (text) => openAnswer(exchange, text));
  }
});

Deno.test("StreamOpener throws only its one error on any text", async () => {
  const { exchange } = await exchangeOf(2);
  if (exchange.version !== 2) throw new Error("Not version 2");
  const sealer = await StreamSealer.begin(exchange, random);
  const event = await sealer.seal("{}").text;
  const opener = () => StreamOpener.begin(exchange, sealer.opening);
  await assertHarmless(
    [sealer.opening],
    async (text) => await (await StreamOpener.begin(exchange, text)).open(event, "0"),
  );
  await assertHarmless([event], async (text) => await (await opener()).open(text, "0"));
  await assertHarmless(["0", "1"], async (id) => await (await opener()).open(event, id));
});
