/** Helper process with a simulated Jeedom that answers each call at once with its own parameters. */
import { simulateCalls } from "../../../tests/support/jeedom_server.ts";
import { answerCommands } from "../../support/helper_process.ts";

const { handle } = simulateCalls(({ body }) => {
  const { method, params } = JSON.parse(body);
  if (params.apikey !== "bench") throw new Error("Wrong API key");
  return { method, marker: params.marker, value: 21.5 };
}, { apikey: "bench" });

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => handle(request));

await answerCommands({ url: () => `http://127.0.0.1:${server.addr.port}` });
