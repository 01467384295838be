/** Helper process with a pass-through proxy before Jeedom: the upper bound for calls on this platform. */
import { answerCommands } from "../../support/helper_process.ts";

async function serve(jeedom: string): Promise<number> {
  const headers = { "Content-Type": "application/json" };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const response = await fetch(jeedom, { method: "POST", headers, body: await request.arrayBuffer() });
    return new Response(await response.arrayBuffer(), { status: response.status, headers });
  });
  return await Promise.resolve(server.addr.port);
}

await answerCommands({ serve });
