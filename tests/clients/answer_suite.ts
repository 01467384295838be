/** What every client makes of answers that are large, deep or compressed. */
import { assert, assertEquals } from "@std/assert";
import { type ClientProgram, ClientTests } from "./client_program.ts";
import { type Fate, withFakeGateway } from "./fake_gateway.ts";

const MIB = 2 ** 20;

/** More than a client may unpack. */
const TOO_MANY_BYTES = 65 * MIB;

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer()).toBase64();
}

const packed = (text: string) => gzip(new TextEncoder().encode(text));

/** Answers with a body that is packed. */
const replyPacked = (packed: unknown, more: Readonly<Record<string, unknown>> = {}): Fate => async (visit) =>
  visit.answer(200, await visit.sealed({ status: 200, timestamp: 1, body_gzip: packed, ...more }));

/** Registers the tests of one client. */
export function testAnswers(program: ClientProgram): void {
  const tests = new ClientTests(program);

  tests.test("asks for a compressed answer when told so, and never otherwise, and unpacks it", () => {
    const body = { result: "é".repeat(2000), list: [1, null, "x"] };
    const fates: readonly Fate[] = [
      async (visit) => await replyPacked(await packed(JSON.stringify(body)))(visit),
      async (visit) => await replyPacked(await packed('"text"'))(visit),
      // A short answer, or an older gateway's.
      (visit) => visit.reply(body),
    ];
    const words = ["call", ...fates.flatMap(() => ["datetime", "{}"])];
    return withFakeGateway([...fates, (visit) => visit.reply("well")], async (gateway) => {
      const lines = await tests.all(gateway, words, { CLIENT_COMPRESS: "gzip", CLIENT_PROTOCOL: "2" });
      assertEquals(lines.map((line) => [line["status"], line["body"]]), [[200, body], [200, "text"], [200, body]]);
      assertEquals((await tests.run(gateway, ["call", "datetime", "{}"], { CLIENT_PROTOCOL: "2" }))["body"], "well");
      assertEquals(gateway.visits.map(({ request }) => request["compress"]), ["gzip", "gzip", "gzip", undefined]);
    });
  });

  tests.test("unpacks nothing that fills its memory, is cut off, or is no gzip", async () => {
    // White space, and then a 7: a client that unpacks all of it reads that.
    const bomb = await gzip(new Uint8Array(TOO_MANY_BYTES).fill(0x20).fill(0x37, -1));
    const whole = Uint8Array.fromBase64(await packed('{"result": 1}'));
    const flipped = Uint8Array.from(whole, (byte, index) => index === whole.length - 8 ? byte ^ 1 : byte);
    const wrong: readonly unknown[] = [
      bomb,
      whole.subarray(0, -9).toBase64(),
      flipped.toBase64(),
      `${whole.toBase64()}!`,
      "",
      "{}",
      await packed('{"result": '),
      await packed(""),
    ];
    await withFakeGateway(wrong.map((text) => replyPacked(text)), async (gateway) => {
      const words = ["call", ...wrong.flatMap(() => ["datetime", "{}"])];
      const lines = await tests.all(gateway, words, { CLIENT_COMPRESS: "gzip", CLIENT_PROTOCOL: "2" });
      assertEquals(lines.length, wrong.length, JSON.stringify(lines));
      for (const line of lines) tests.assertFailure(line, "tampered", { retryAfter: null });
    });
  });

  tests.test("takes an answer nested thousands of times for an ordinary failure, if it cannot read it", () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const objects = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
    const fates: readonly Fate[] = [
      (visit) => visit.replyText(deep),
      (visit) => visit.replyText(objects),
      (visit) => visit.replyText("[".repeat(100_000)),
      async (visit) => await replyPacked(await packed(deep))(visit),
      // A text of Jeedom, which looks like a refusal at its beginning.
      (visit) => visit.reply(`{"error":${"[".repeat(100_000)}`, { status: 403 }),
      (visit) => visit.reply(`{"error":${deep}}`, { status: 500, source: "gateway" }),
      // As deep as PHP writes.
      (visit) => visit.replyText(`${"[".repeat(500)}"deep"${"]".repeat(500)}`),
      (visit) => visit.reply("well"),
    ];
    return withFakeGateway(fates, async (gateway) => {
      const words = ["call", ...fates.flatMap(() => ["datetime", "{}"])];
      const lines = await tests.all(gateway, words, { CLIENT_PROTOCOL: "2" });
      assertEquals([lines.length, gateway.visits.length], [fates.length, fates.length]);
      const [arrays, maps, cut, unpacked, text, marked, php, well] = lines;
      for (const line of [arrays, maps, unpacked]) {
        // JavaScript reads it.
        if (line?.["body"] !== "too deep to print") tests.assertFailure(line, "tampered", { retryAfter: null });
      }
      tests.assertFailure(cut, "tampered");
      assertEquals([text?.["status"], String(text?.["body"]).length], [403, 100_009]);
      tests.assertFailure(marked, "failed", { status: 500 });
      assert(JSON.stringify(php?.["body"]).includes('[["deep"]]'));
      assertEquals(well?.["body"], "well");
    });
  });

  tests.test("publishes bytes as they are", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const publish = (coded: string) => ["publish", "home/camera", coded, "1", "true", "base64"];
    const fate: Fate = (visit) => visit.reply('{"success":true}', { source: "gateway" });
    return withFakeGateway([fate, fate], async (gateway) => {
      assertEquals((await tests.run(gateway, publish(bytes.toBase64())))["status"], 200);
      assertEquals((await tests.run(gateway, publish("")))["status"], 200);
      const fields = gateway.visits.map(({ request }) => [
        request["payload_b64"],
        "message" in request,
        request["topic"],
        request["qos"],
        request["retain"],
      ]);
      assertEquals(fields, [bytes.toBase64(), ""].map((payload) => [payload, false, "home/camera", 1, true]));
    });
  });
}

/** Registers the tests of one client whose language has integers of 64 bits. */
export function testIntegers(program: ClientProgram): void {
  const tests = new ClientTests(program);

  tests.test("sends and reads integers of 64 bits with all their digits", () => {
    const numbers = ["6066005651767221768", "-9223372036854775808", "9223372036854775807", "9007199254740993"];
    const list = `[${numbers.join(",")}]`;
    return withFakeGateway([(visit) => visit.replyText(`{"result":${list}}`)], async (gateway) => {
      await tests.withClient(gateway, ["call", "datetime", `{"ids":${list}}`], async (client) => {
        await client.line("status");
        assertEquals(client.texts.map((text) => text.replaceAll(" ", "").includes(list)), [true]);
      });
      assertEquals(gateway.visits.map(({ json }) => json.replaceAll(" ", "").includes(list)), [true]);
    });
  });
}
