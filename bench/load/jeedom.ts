/** A Jeedom in a process of its own that answers as fast as it can, with what it was sent. */
import { answerCommands } from "../answer_commands.ts";

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
  const { jsonrpc, id, method, params } = await request.json();
  if (jsonrpc !== "2.0" || params.apikey !== "bench") return new Response("Refused", { status: 400 });
  return Response.json({ jsonrpc, id, result: { method, marker: params.marker, value: 21.5 } });
});

await answerCommands({ url: () => `http://127.0.0.1:${server.addr.port}` });
