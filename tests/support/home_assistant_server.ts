/** The simulated Home Assistant on a port of loopback. */
import { HomeAssistantHome } from "../../src/demo/home_assistant_home.ts";
import { createSimulatedHomeAssistant, type SimulatedHomeAssistant } from "../../src/demo/simulated_home_assistant.ts";

/** Home Assistant for `HOME_ASSISTANT_URL`. */
export interface HomeAssistantPort extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  readonly home: HomeAssistantHome;
  /** The simulated Home Assistant behind the port. */
  readonly simulated: SimulatedHomeAssistant;
}

/** Starts a simulated Home Assistant. */
export function startHomeAssistant(now: () => number = () => Date.now()): HomeAssistantPort {
  const token = crypto.randomUUID();
  const home = new HomeAssistantHome(now);
  const simulated = createSimulatedHomeAssistant({
    token,
    home,
    now,
    upgrade: (request) => Deno.upgradeWebSocket(request),
  });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => simulated.handle(request),
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    token,
    home,
    simulated,
    async [Symbol.asyncDispose]() {
      simulated.dropConnections();
      await server.shutdown();
    },
  };
}
