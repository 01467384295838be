/** The client on the platform's own `fetch` and clock, against a gateway on loopback. */
import { assertEquals, assertRejects } from "@std/assert";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { openEnvelope, parseEnvelope } from "../../src/protocol/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import { within } from "../deadline.ts";
import { BROKEN, follow } from "./follow.ts";
import { type Answerer, block, connected, KEY, message, position, stream } from "./made_up_gateway.ts";

async function withGateway(
  answers: readonly Answerer[],
  test: (client: GatewayClient, sinces: readonly unknown[]) => Promise<void>,
): Promise<void> {
  const secret = await importKey(Uint8Array.fromHex(KEY));
  const rest = [...answers];
  const sinces: unknown[] = [];
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
    onError: () => new Response(null, { status: 500 }),
  }, async (request) => {
    const body = await request.text();
    const fields = JSON.parse(await openEnvelope(secret, parseEnvelope(body)));
    sinces.push(fields["since"]);
    return await rest.shift()?.({ body, fields }, request.signal) ?? new Response(null, { status: 404 });
  });
  try {
    await test(new GatewayClient({ url: `http://127.0.0.1:${server.addr.port}`, key: KEY }), sinces);
  } finally {
    await server.shutdown();
  }
}

/** Sends two events and a half, and then drops the connection. */
const cutInAnEvent: Answerer = async () => {
  const half = (await block(message(9))).slice(0, 50);
  const pieces = [await block(connected(3)) + await block(message(5)), half];
  return new Response(
    new ReadableStream({
      pull(controller) {
        const piece = pieces.shift();
        if (piece === undefined) controller.error(new Error("Cut"));
        else controller.enqueue(new TextEncoder().encode(piece));
      },
    }),
  );
};

Deno.test("subscribe() goes on after a connection that is cut within an event", () =>
  withGateway(
    [cutInAnEvent, stream([connected(5), message(9)], "stays open")],
    async (client, sinces) => {
      const seen = await follow(client.subscribe(["t"]), 9);
      assertEquals(seen, ["connected", "m5", BROKEN, "connected", "m9"]);
      assertEquals(sinces, [undefined, position(5)]);
    },
  ));

Deno.test("subscribe() leaves no timer and no connection behind when it is aborted, at any moment", async () => {
  for (const abortAt of ["connected", "message", "disconnected"] as const) {
    await withGateway([cutInAnEvent], async (client) => {
      const stopped = new AbortController();
      const read = async () => {
        for await (const event of client.subscribe(["t"], { signal: stopped.signal })) {
          // From outside of the loop, when the client already waits for what comes next.
          if (event.type === abortAt) setTimeout(() => stopped.abort(), 0);
        }
      };
      await assertRejects(() => within("the end", read()), DOMException, "abort");
    });
  }
});
