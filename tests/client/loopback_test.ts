/** Client with the platform's `fetch` and clock, against a gateway on loopback. */
import { assertEquals, assertRejects } from "@std/assert";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import type { Version } from "../../src/protocol/exchange.ts";
import { within } from "../support/deadline.ts";
import { BROKEN, follow } from "./follow.ts";
import {
  type Answerer,
  blocks,
  connected,
  KEY,
  message,
  position,
  receive,
  stream,
  VERSIONS,
} from "../support/fake_gateway.ts";

async function withGateway(
  { answers, protocol }: { readonly answers: readonly Answerer[]; readonly protocol: Version },
  test: (client: GatewayClient, sinces: readonly unknown[]) => Promise<void>,
): Promise<void> {
  const rest = [...answers];
  const sinces: unknown[] = [];
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
    onError: () => new Response(null, { status: 500 }),
  }, async (request) => {
    const received = await receive(new URL(request.url).pathname, await request.text());
    sinces.push(received.fields["since"]);
    return await rest.shift()?.(received, request.signal) ?? new Response(null, { status: 404 });
  });
  try {
    await test(new GatewayClient({ url: `http://127.0.0.1:${server.addr.port}`, key: KEY, protocol }), sinces);
  } finally {
    await server.shutdown();
  }
}

/** Sends two events and a half, and then drops the connection. */
const cutInAnEvent: Answerer = async ({ exchange }) => {
  const [first = "", second = "", third = ""] = await blocks([connected(3), message(5), message(9)], exchange);
  const pieces = [first + second, third.slice(0, 50)];
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

for (const protocol of VERSIONS) {
  Deno.test(`subscribe() resumes after a connection of version ${protocol} that is cut within an event`, () =>
    withGateway(
      { answers: [cutInAnEvent, stream([connected(5), message(9)], "stays open")], protocol },
      async (client, sinces) => {
        const seen = await follow(client.subscribe(["t"]), 9);
        assertEquals(seen, ["connected", "m5", BROKEN, "connected", "m9"]);
        assertEquals(sinces, [undefined, position(5)]);
      },
    ));
}

Deno.test("subscribe() leaves no timer and no connection open when it is aborted, at any moment", async () => {
  for (const abortAt of ["connected", "message", "disconnected"] as const) {
    await withGateway({ answers: [cutInAnEvent], protocol: 2 }, async (client) => {
      const stopped = new AbortController();
      const read = async () => {
        for await (const event of client.subscribe(["t"], { signal: stopped.signal })) {
          // From outside of the loop, while the client waits for the next event.
          if (event.type === abortAt) setTimeout(() => stopped.abort(), 0);
        }
      };
      await assertRejects(() => within("the end", read()), DOMException, "abort");
    });
  }
});
