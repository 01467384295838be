/** Tests of every client: answers that are large, deep or compressed. */
import { assert, assertEquals } from "@std/assert";
import { type ClientProgram, ClientTests } from "./client_program.ts";
import { type Respond, withFakeGateway } from "./tcp_gateway.ts";

const MIB = 2 ** 20;

/** More than a client may decompress. */
const TOO_MANY_BYTES = 65 * MIB;

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer()).toBase64();
}

const packed = (text: string) => gzip(new TextEncoder().encode(text));

/** Answers with a compressed body. */
const replyPacked = (packed: unknown, more: Readonly<Record<string, unknown>> = {}): Respond => async (request) =>
  request.answer(200, await request.sealed({ status: 200, timestamp: 1, body_gzip: packed, ...more }));

/** Registers the tests of one client. */
export function testAnswers(program: ClientProgram): void {
  const tests = new ClientTests(program);

  tests.test("asks for a compressed answer only with the option, and decompresses it", () => {
    const body = { result: "é".repeat(2000), list: [1, null, "x"] };
    const responses: readonly Respond[] = [
      async (request) => await replyPacked(await packed(JSON.stringify(body)))(request),
      async (request) => await replyPacked(await packed('"text"'))(request),
      // A short answer, or an older gateway's.
      (request) => request.reply(body),
    ];
    const args = ["call", ...responses.flatMap(() => ["datetime", "{}"])];
    return withFakeGateway([...responses, (request) => request.reply("ok")], async (gateway) => {
      const lines = await tests.all(gateway, args, { CLIENT_COMPRESS: "gzip", CLIENT_PROTOCOL: "2" });
      assertEquals(lines.map((line) => [line["status"], line["body"]]), [[200, body], [200, "text"], [200, body]]);
      assertEquals((await tests.run(gateway, ["call", "datetime", "{}"], { CLIENT_PROTOCOL: "2" }))["body"], "ok");
      assertEquals(gateway.requests.map(({ fields }) => fields["compress"]), ["gzip", "gzip", "gzip", undefined]);
    });
  });

  tests.test("rejects a compressed body that fills its memory, is cut off, or is not gzip", async () => {
    // White space, then a 7, which only a client that decompresses all of it reads.
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
      const args = ["call", ...wrong.flatMap(() => ["datetime", "{}"])];
      const lines = await tests.all(gateway, args, { CLIENT_COMPRESS: "gzip", CLIENT_PROTOCOL: "2" });
      assertEquals(lines.length, wrong.length, JSON.stringify(lines));
      for (const line of lines) tests.assertFailure(line, "tampered", { retryAfter: null });
    });
  });

  tests.test("reports an answer that is nested too deeply as an ordinary failure", () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const objects = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
    const responses: readonly Respond[] = [
      (request) => request.replyText(deep),
      (request) => request.replyText(objects),
      (request) => request.replyText("[".repeat(100_000)),
      async (request) => await replyPacked(await packed(deep))(request),
      // A text of Jeedom that begins like a refusal.
      (request) => request.reply(`{"error":${"[".repeat(100_000)}`, { status: 403 }),
      (request) => request.reply(`{"error":${deep}}`, { status: 500, source: "gateway" }),
      // As deep as PHP writes.
      (request) => request.replyText(`${"[".repeat(500)}"deep"${"]".repeat(500)}`),
      (request) => request.reply("ok"),
    ];
    return withFakeGateway(responses, async (gateway) => {
      const args = ["call", ...responses.flatMap(() => ["datetime", "{}"])];
      const lines = await tests.all(gateway, args, { CLIENT_PROTOCOL: "2" });
      assertEquals([lines.length, gateway.requests.length], [responses.length, responses.length]);
      const [arrays, maps, cut, unpacked, text, marked, php, succeeded] = lines;
      for (const line of [arrays, maps, unpacked]) {
        // JavaScript reads it.
        if (line?.["body"] !== "too deep to print") tests.assertFailure(line, "tampered", { retryAfter: null });
      }
      tests.assertFailure(cut, "tampered");
      assertEquals([text?.["status"], String(text?.["body"]).length], [403, 100_009]);
      tests.assertFailure(marked, "failed", { status: 500 });
      assert(JSON.stringify(php?.["body"]).includes('[["deep"]]'));
      assertEquals(succeeded?.["body"], "ok");
    });
  });

  tests.test("quotes nothing of an answer that is no JSON: it was decrypted", () => {
    const broken = ['"the code is 4711', '{"code":4711', "4711 4711", '"4711"}, 4711', '["4711" "4711"]'];
    const responses = broken.map((text): Respond => (request) => request.replyText(text));
    return withFakeGateway(responses, async (gateway) => {
      const args = ["call", ...responses.flatMap(() => ["datetime", "{}"])];
      const lines = await tests.all(gateway, args, { CLIENT_PROTOCOL: "2" });
      assertEquals(lines.length, broken.length);
      for (const line of lines) {
        tests.assertFailure(line, "tampered", { retryAfter: null });
        assertEquals(JSON.stringify(line).includes("4711"), false, JSON.stringify(line));
      }
    });
  });

  tests.test("publishes bytes unchanged", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const publish = (coded: string) => ["publish", "home/camera", coded, "1", "true", "base64"];
    const respond: Respond = (request) => request.reply('{"success":true}', { source: "gateway" });
    return withFakeGateway([respond, respond], async (gateway) => {
      assertEquals((await tests.run(gateway, publish(bytes.toBase64())))["status"], 200);
      assertEquals((await tests.run(gateway, publish("")))["status"], 200);
      const fields = gateway.requests.map(({ fields }) => [
        fields["payload_b64"],
        "message" in fields,
        fields["topic"],
        fields["qos"],
        fields["retain"],
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
    return withFakeGateway([(request) => request.replyText(`{"result":${list}}`)], async (gateway) => {
      await tests.withClient(gateway, ["call", "datetime", `{"ids":${list}}`], async (client) => {
        await client.line("status");
        assertEquals(client.texts.map((text) => text.replaceAll(" ", "").includes(list)), [true]);
      });
      assertEquals(gateway.requests.map(({ json }) => json.replaceAll(" ", "").includes(list)), [true]);
    });
  });
}
