/** A Jeedom in a process of its own that answers with what it was asked. */
import { answerCommands } from "../../bench/answer_commands.ts";
import { JEEDOM_RESULT } from "../fuzz/judge.ts";

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
  const { jsonrpc, id, params } = await request.json();
  return Response.json({ jsonrpc, id, result: { told: JEEDOM_RESULT, marker: params?.marker } });
});

await answerCommands({ url: () => `http://127.0.0.1:${server.addr.port}` });
