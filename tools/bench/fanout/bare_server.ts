/** Helper process that serves streams without events: the lower bound of a stream's cost on this platform. */
import { answerCommands } from "../../support/helper_process.ts";

const server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  () => new Response(new ReadableStream(), { headers: { "Content-Type": "text/event-stream" } }),
);

await answerCommands({ port: () => server.addr.port });
