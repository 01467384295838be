/** The ceiling: the least that anything on this platform has to do between a phone and a Jeedom. */
import { answerCommands } from "../answer_commands.ts";

async function serve(jeedom: string): Promise<number> {
  const headers = { "Content-Type": "application/json" };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const response = await fetch(jeedom, { method: "POST", headers, body: await request.arrayBuffer() });
    return new Response(await response.arrayBuffer(), { status: response.status, headers });
  });
  return await Promise.resolve(server.addr.port);
}

await answerCommands({ serve });
