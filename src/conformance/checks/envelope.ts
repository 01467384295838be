/**
 * Envelopes and payloads.
 *
 * @module
 */
import { NONCE_BYTES } from "../../protocol/aead.ts";
import { fromBase64, fromBase64Url, toHex } from "../../protocol/bytes.ts";
import { SALT_BYTES, VERSION_2 } from "../../protocol/v2/envelope.ts";
import { KEY_ID_HEADER } from "../../protocol/secret_key.ts";
import { expectClock, expectRefusal, type Fields } from "../answer.ts";
import { BOTH, type Subject } from "../check.ts";
import { expect, expectEqual } from "../mismatch.ts";
import { HARMLESS, HARMLESS_ANSWER, type Probe, type ProbeReply } from "../probe.ts";

/** Checks of envelopes and payloads. */
export const ENVELOPE: Subject = {
  name: "Envelope",
  checks: [
    {
      name: "white space is skipped",
      rule: "White space of ASCII is skipped, as some encoders break lines",
      versions: [1],
      async run(probe) {
        const request = await probe.seal("/gateway", HARMLESS);
        const broken = ` ${request.text.replace(/.{20}/g, "$&\r\n")}\t\n`;
        expectRefusal(await probe.open(request, await probe.post("/gateway", broken)), HARMLESS_ANSWER);
      },
    },
    {
      name: "the key may be named",
      rule: "With the header `E2E-Key-Id`, that one key is tried",
      versions: [1],
      async run(probe) {
        const request = await probe.seal("/gateway", HARMLESS);
        const reply = await probe.post("/gateway", request.text, { [KEY_ID_HEADER]: probe.key.kid });
        expectRefusal(await probe.open(request, reply), HARMLESS_ANSWER);
      },
    },
    {
      name: "shape of an answer",
      rule: "`status`, `body`, and `timestamp`: the gateway's clock, whole seconds; errors are a JSON string",
      versions: BOTH,
      async run(probe) {
        const { answer } = await probe.ask("/gateway", HARMLESS);
        expectRefusal(answer, HARMLESS_ANSWER);
        expect(Number.isInteger(answer.timestamp), `timestamp is not whole: ${answer.timestamp}`);
        expectClock(answer.timestamp, probe.seconds);
      },
    },
    {
      name: "version of an answer",
      rule: "A gateway answers in the version of the request",
      versions: BOTH,
      async run(probe) {
        const { reply } = await probe.ask("/gateway", HARMLESS);
        expectEqual('begins with "2."', { seen: reply.text.startsWith(VERSION_2), expected: probe.version === 2 });
      },
    },
    {
      name: "fresh nonce or salt for each answer",
      rule: "A nonce or salt comes from a cryptographic random source, new for each envelope",
      versions: BOTH,
      async run(probe) {
        const asked = [await probe.ask("/gateway", HARMLESS), await probe.ask("/gateway", HARMLESS)];
        const [first, second] = asked.map(({ reply }) => freshPart(reply, probe));
        expect(first !== second, `Two answers have the same one: ${first}`);
      },
    },
    {
      name: "payload is not an object",
      rule: "403 `Payload must be one JSON object`",
      versions: BOTH,
      async run(probe) {
        const { answer } = await probe.ask("/gateway", "[]");
        expectRefusal(answer, { status: 403, error: "Payload must be one JSON object" });
      },
    },
    ...([
      ["a payload with the shape of an event", { type: "message", topic: "t", payload: "p" }],
      ["a payload with the shape of an answer", { status: 200, body: "ok" }],
    ] as const).map(([name, fields]) => ({
      name,
      rule: "403 `Payload is a message of the gateway, not a request`",
      versions: [1] as const,
      run: async (probe: Probe) => await expectOwnMessage(probe, fields),
    })),
    {
      name: "unknown fields, and null",
      rule: "Unknown fields are ignored; `null` means absent in every optional field",
      versions: BOTH,
      async run(probe) {
        const { answer } = await probe.ask("/gateway", { service: null, apikey: null, params: null, newer: [1] });
        expectRefusal(answer, { status: 403, error: "Missing required field: jsonrpc" });
      },
    },
  ],
};

async function expectOwnMessage(probe: Probe, fields: Fields): Promise<void> {
  const { answer } = await probe.ask("/gateway", fields);
  expectRefusal(answer, { status: 403, error: "Payload is a message of the gateway, not a request" });
}

function freshPart({ text }: ProbeReply, { version }: Probe): string {
  const bytes = version === 1 ? fromBase64(text) : fromBase64Url(text.slice(VERSION_2.length));
  return toHex(bytes.subarray(0, version === 1 ? NONCE_BYTES : SALT_BYTES));
}
