/** Fake gateway for the doctor's sealed request: a repeat gets the first answer, as from the real one. */
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openRequest, parseRequest, sealAnswer } from "../../src/protocol/exchange.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";

export interface FakeGateway {
  /** Sends a request to the gateway. */
  readonly fetch: typeof fetch;
  /** Opened payloads, without repeats. */
  readonly opened: unknown[];
}

export async function makeFakeGateway(
  hex: string,
  { version = "1.0.0", keeps = true }: { readonly version?: string; readonly keeps?: boolean } = {},
): Promise<FakeGateway> {
  const key = await importSecretKey(Uint8Array.fromHex(hex));
  const answers = new Map<string, string>();
  const opened: unknown[] = [];
  return {
    opened,
    async fetch(input, init) {
      if (new URL(String(input)).pathname === "/health") return Response.json({ status: "ok", version });
      const text = String(init?.body);
      const request = await openRequest(key, parseRequest(text), { route: "/mqtt/publish" });
      if (request === undefined) return Response.json({ error: "Decryption failed" }, { status: 401 });
      const kept = keeps ? answers.get(text) : undefined;
      const status = answers.has(text) ? 409 : 400;
      if (!answers.has(text)) opened.push(JSON.parse(request.text));
      const answer = kept ?? await sealAnswer(request.exchange, JSON.stringify({ status, body: {} }), randomBytes);
      answers.set(text, answer);
      return new Response(answer);
    },
  };
}
