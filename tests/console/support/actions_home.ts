/** A home whose gateway has actions of every kind. */
import type { Variables } from "../../../src/config/rules.ts";
import { until } from "../../support/deadline.ts";
import { startHome, type TestHome } from "./home.ts";

const SERVICES = `
actions:
  open-gate:
    label: Open the gate
    icon: gate
    confirm: Open it now?
    publish: { topic: test/gate/set, message: OPEN, qos: 1 }
  heating:
    label: Heating
    icon: heating
    params: { degrees: { type: number, min: 15, max: 25, step: 0.5 } }
    publish: { topic: test/heating, message: $degrees, qos: 1, retain: true }
    state: { topic: test/heating }
  light:
    label: Living-room light
    icon: light
    params: { on: { type: boolean } }
    publish: { topic: test/light, message: $on, qos: 1, retain: true }
    state: { topic: test/light }
  blinds:
    label: Blinds
    coolDown: 50s
    params: { position: { type: enum, values: [open, half, closed] } }
    publish: { topic: test/blinds, message: $position, qos: 1 }
  announce:
    label: Say something
    params: { text: { type: text, maxLength: 80, label: Text }, loud: { type: boolean, label: Everywhere } }
    publish: { topic: test/announce, message: { text: $text, loud: $loud }, qos: 1 }
`;

/** Home with actions. */
export interface ActionsHome extends TestHome {
  /** Replaces a text of the services file, and waits until the gateway has read it. */
  readonly changeServices: (text: string, replacement: string) => Promise<void>;
}

/** Starts the home; `env` are further settings of its gateway, `flags` those of its process. */
export async function startActionsHome(env: Variables = {}, flags: readonly string[] = []): Promise<ActionsHome> {
  const file = await Deno.makeTempFile({ prefix: "services-", suffix: ".yaml" });
  await Deno.writeTextFile(file, SERVICES);
  const home = await startHome({ SERVICES_FILE: file, ...env }, flags);
  const list = async () => JSON.stringify((await home.gateway.client.call("action", {})).body);
  return {
    ...home,
    async changeServices(text, replacement) {
      const before = await list();
      const services = await Deno.readTextFile(file);
      if (!services.includes(text)) throw new Error(`The services file has no ${text}`);
      await Deno.writeTextFile(file, services.replace(text, replacement));
      await until("the services file to be read", async () => await list() !== before);
    },
    get gateway() {
      return home.gateway;
    },
    async [Symbol.asyncDispose]() {
      await home[Symbol.asyncDispose]();
      await Deno.remove(file);
    },
  };
}

/** Rights of a device that may do everything of this home. */
export const EVERYTHING = ["--service", "mqtt", "--action", "*"] as const;
