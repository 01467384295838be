/** The simulated Jeedom in a process of its own. It answers as fast as it can, with what it was sent. */
import { SimulatedHome } from "../../../src/demo/simulated_home.ts";
import { createSimulatedJeedom } from "../../../src/demo/simulated_jeedom.ts";
import { PING } from "../../../src/services/jeedom/health.ts";
import { answerCommands } from "../answer_commands.ts";

const now = () => Date.now();

const { handle } = createSimulatedJeedom({
  apikey: "bench",
  home: new SimulatedHome(now),
  now,
  run({ body }) {
    // The gateway's own checks bring no key.
    if (body === PING) return "pong";
    const { method, params } = JSON.parse(body);
    if (params.apikey !== "bench") throw new Error("Not the key of the bench");
    return { method, marker: params.marker, value: 21.5 };
  },
});

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => handle(request));

await answerCommands({ url: () => `http://127.0.0.1:${server.addr.port}` });
