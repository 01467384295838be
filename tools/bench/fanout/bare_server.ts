/** The floor: the least that a stream on which nothing happens costs on this platform. */
import { answerCommands } from "../answer_commands.ts";

const server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  () => new Response(new ReadableStream(), { headers: { "Content-Type": "text/event-stream" } }),
);

await answerCommands({ port: () => server.addr.port });
