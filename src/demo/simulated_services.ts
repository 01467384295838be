/**
 * Everything around the gateway that the demo simulates, each on a port of loopback.
 *
 * @module
 */
import type { Platform } from "../platform.ts";
import { HomeAssistantHome } from "./home_assistant_home.ts";
import { createSimulatedCamera } from "./simulated_camera.ts";
import { GATE_COMMAND_TOPIC, LIGHT_COMMAND_TOPIC, type SimulatedHome } from "./simulated_home.ts";
import { createSimulatedHomeAssistant } from "./simulated_home_assistant.ts";
import { createSimulatedInfluxdb, DATABASE } from "./simulated_influxdb.ts";
import { createSimulatedJeedom } from "./simulated_jeedom.ts";

/** Settings and services file of a gateway for the simulated services. */
export interface SimulatedServices {
  /** Settings. */
  readonly settings: Readonly<Record<string, string>>;
  /** Text of the services file. */
  readonly servicesFile: string;
}

/** Machine, and what stops the services. */
export interface SimulatedServicesOptions {
  /** Starts servers. */
  readonly platform: Pick<Platform, "serve" | "upgradeWebSocket">;
  /** Stops the services at its end. */
  readonly opened: AsyncDisposableStack;
}

/** Starts the services for a home. */
export function startSimulatedServices(
  home: SimulatedHome,
  { platform, opened }: SimulatedServicesOptions,
): SimulatedServices {
  const now = () => Date.now();
  const serve = (handle: (request: Request) => Response | Promise<Response>, stop = () => {}): string => {
    const server = platform.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => handle(request));
    opened.defer(async () => {
      stop();
      await server.shutdown();
    });
    return `http://127.0.0.1:${server.addr.port}`;
  };
  const [apikey, token, password] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
  const jeedom = createSimulatedJeedom({ apikey, home, now });
  const homeAssistant = createSimulatedHomeAssistant({
    token,
    home: new HomeAssistantHome(now),
    now,
    upgrade: platform.upgradeWebSocket,
  });
  const login = `gateway:${password}`;
  return {
    settings: {
      JEEDOM_URL: serve((request) => jeedom.handle(request), () => jeedom.close()),
      JEEDOM_APIKEY: apikey,
      HOME_ASSISTANT_URL: serve((request) => homeAssistant.handle(request), () => homeAssistant.dropConnections()),
      HOME_ASSISTANT_TOKEN: token,
    },
    servicesFile: `\
actions:
  light:
    label: Living-room light
    icon: light
    params: { on: { type: boolean } }
    publish: { topic: ${LIGHT_COMMAND_TOPIC}, message: $on, qos: 1 }
    state: { topic: home/living-room/light }
  open-gate:
    label: Open the gate
    icon: gate
    confirm: Open the gate now?
    publish: { topic: ${GATE_COMMAND_TOPIC}, message: OPEN, qos: 1 }
    state: { topic: home/gate }
  heating:
    label: Heating
    icon: heating
    params: { degrees: { type: number, min: 15, max: 25, step: 0.5 } }
    publish: { topic: home/living-room/heating/set, message: $degrees, qos: 1 }
    state: { topic: home/living-room/heating }
  blinds:
    label: Blinds
    icon: blinds
    params: { position: { type: enum, values: [closed, half, open] } }
    publish: { topic: home/living-room/blinds/set, message: $position, qos: 1 }
    state: { topic: home/living-room/blinds }
  doorbell:
    label: Ring the doorbell
    icon: bell
    publish: { topic: home/hall/doorbell/set, message: RING, qos: 1 }
    state: { topic: home/hall/doorbell }
  good-night:
    label: Good night
    icon: night
    publish: { topic: home/scene/set, message: NIGHT, qos: 1 }
http:
  camera:
    url: ${serve(createSimulatedCamera(login))}
    username: gateway
    password: ${password}
    paths: [/snapshot.png, /status]
influxdb:
  temperatures:
    url: ${serve(createSimulatedInfluxdb({ login, now }))}
    version: 1
    database: ${DATABASE}
    username: gateway
    password: ${password}
    query: >-
      SELECT mean(value) FROM temperature
      WHERE room = $room AND time > $from GROUP BY time(1h) fill(none)
    params:
      room: { type: enum, values: [kitchen, attic] }
      from: { type: time, maxAge: 7d, default: -3h }
`,
  };
}
