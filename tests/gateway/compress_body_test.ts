import { assert, assertEquals } from "@std/assert";
import { compressBody } from "../../src/gateway/reply.ts";
import { fromBase64 } from "../../src/protocol/bytes.ts";
import { openAnswer } from "../../src/protocol/exchange.ts";
import { makeGateway, NOW, services } from "../support/gateway.ts";

/** The devices of a house, as JSON text. */
const HOUSE = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `Lumière ${id}`, isEnable: "1" })));

const reply = { status: 200, bodyJson: HOUSE };

async function gunzip(base64: string): Promise<string> {
  const stream = new Blob([fromBase64(base64)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).text();
}

Deno.test("compressBody() compresses a body for a request that asks for gzip", async () => {
  const { bodyGzip = "", ...rest } = await compressBody(reply, { compress: "gzip" });
  assertEquals(rest, reply);
  assert(bodyGzip.length < HOUSE.length / 5, `${bodyGzip.length} of ${HOUSE.length}`);
  assertEquals(await gunzip(bodyGzip), HOUSE);
});

Deno.test("compressBody() lets others run while it compresses a large body", async () => {
  let turns = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const count = () => {
    turns += 1;
    timer = setTimeout(count);
  };
  count();
  const large = { status: 200, bodyJson: JSON.stringify(HOUSE.repeat(100)) };
  const { bodyGzip = "" } = await compressBody(large, { compress: "gzip" });
  clearTimeout(timer);
  assert(turns > 3, `${turns} turns`);
  assertEquals(await gunzip(bodyGzip), large.bodyJson);
});

Deno.test("compressBody() never compresses for a request that does not ask, or asks for something else", async () => {
  for (const payload of [{}, { compress: null }, { compress: "br" }, { compress: ["gzip"] }, { compress: true }]) {
    assertEquals(await compressBody(reply, payload), reply);
  }
});

Deno.test("compressBody() leaves a body alone that is short or does not shrink", async () => {
  const short = { status: 200, bodyJson: `"${"x".repeat(1000)}"` };
  const noise = { status: 200, bodyJson: JSON.stringify(crypto.getRandomValues(new Uint8Array(3000)).toBase64()) };
  for (const one of [short, noise]) assertEquals(await compressBody(one, { compress: "gzip" }), one);
});

Deno.test("an answer has body_gzip in place of body for whoever asks, in both versions, and its repeat is the same", async () => {
  for (const version of [1, 2] as const) {
    const gateway = await makeGateway({ services: services(() => Promise.resolve(reply)) });
    const phone = await gateway.phone(gateway.secret, { version });
    const { text, exchange } = await phone.sealNow("/gateway", { compress: "gzip" });
    const answers = await Promise.all([1, 2].map(async () => await (await phone.post("/gateway", text)).text()));
    assertEquals(answers[0], answers[1]);
    const answer = JSON.parse(await openAnswer(exchange, answers[0] ?? ""));
    assertEquals(Object.keys(answer).sort(), ["body_gzip", "status", "timestamp"]);
    assertEquals([answer.status, answer.timestamp], [200, NOW]);
    assertEquals(await gunzip(answer.body_gzip), HOUSE);
    assertEquals((await phone.request("/gateway", {})).body, JSON.parse(HOUSE));
  }
});
