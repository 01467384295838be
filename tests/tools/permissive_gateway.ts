/** Gateway without checks: it accepts every key and every authenticated request, however often it is sent. */
import { JEEDOM_RESULT } from "../../tools/fuzz/check_answer.ts";
import type { TargetKeys } from "../../tools/fuzz/target.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import { type Exchange, openRequest, parseRequest, sealAnswer } from "../../src/protocol/exchange.ts";
import { StreamSealer } from "../../src/protocol/v2/stream.ts";

const ROUTES: readonly Route[] = ["/gateway", "/mqtt/publish", "/mqtt/subscribe"];

/** Starts the gateway. */
export function startPermissiveGateway(
  keys: () => TargetKeys | undefined,
): { readonly url: string; stop(): Promise<void> } {
  async function open(body: string, route: Route) {
    try {
      const envelope = parseRequest(body);
      for (const key of Object.values(keys() ?? {})) {
        const opened = await openRequest(key, envelope, { route });
        if (opened !== undefined) return opened;
      }
    } catch {
      // Malformed envelope.
    }
    return undefined;
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const route = ROUTES.find((known) => known === pathname);
    if (route === undefined) return Response.json({ error: "Not found" }, { status: 404 });
    const opened = await open(await request.text().catch(() => ""), route);
    if (opened === undefined) return Response.json({ error: "Decryption failed" }, { status: 401 });
    if (route === "/mqtt/subscribe") {
      // In chunks, as a real stream.
      const body = ReadableStream.from([await makeStream(opened.exchange)]).pipeThrough(new TextEncoderStream());
      return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
    }
    const body = route === "/gateway" ? JEEDOM_RESULT : "Published successfully";
    const answer = JSON.stringify({ status: 200, body, timestamp: Math.floor(Date.now() / 1000) });
    return new Response(await sealAnswer(opened.exchange, answer, randomBytes), {
      headers: { "Content-Type": "application/octet-stream" },
    });
  });
  return { url: `http://127.0.0.1:${server.addr.port}`, stop: () => server.shutdown() };
}

/** Returns a stream of two events. */
async function makeStream(exchange: Exchange): Promise<string> {
  const events = [{ type: "connected", topic: "t" }, { type: "message", topic: "t" }].map((event) =>
    JSON.stringify(event)
  );
  if (exchange.version === 1) {
    const sealed = await Promise.all(events.map((event) => sealEnvelope(exchange.key.aead, event, randomBytes)));
    return sealed.map((data) => `data: ${data}\n\n`).join("");
  }
  const sealer = await StreamSealer.begin(exchange, randomBytes);
  const sealed = await Promise.all(events.map((event) => sealer.seal(event).text));
  const records = sealed.map((data, n) => `id: ${n}\ndata: ${data}\n\n`);
  return [`event: open\ndata: ${sealer.opening}\n\n`, ...records].join("");
}
