/**
 * One of each request, as a program sends it.
 *
 * @module
 */
import { GatewayClient, GatewayError } from "../client/gateway_client.ts";
import { isObject, tryParseJson } from "../lib/json.ts";
import type { Platform } from "../platform.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { GATE_COMMAND_TOPIC, LIGHT_COMMAND_TOPIC } from "./simulated_home.ts";

/** Gateway, keys and machine of the presentation. */
export interface PresentationOptions {
  /** Address of the gateway. */
  readonly url: string;
  /** Key that may do everything, 32 bytes. */
  readonly secret: Bytes;
  /** Key that may run the action `open-gate` alone. */
  readonly guestSecret: Bytes;
  /** Sends the requests, and prints. */
  readonly platform: Pick<Platform, "fetch" | "print">;
  /** Aborts the presentation. */
  readonly signal: AbortSignal;
}

/** A client, and what its requests need. */
interface Phone {
  readonly client: GatewayClient;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Topic of the light's state. */
const LIGHT_TOPIC = "home/living-room/light";

/** Light of Home Assistant. */
const LIGHT_ENTITY = "light.kitchen";

/** Characters that are shown of a sealed text. */
const SHOWN_CHARACTERS = 16;

/** Sends one of each request, and prints a line for each. */
export async function present(options: PresentationOptions): Promise<void> {
  const { url, secret, guestSecret, platform: { fetch, print }, signal } = options;
  const phoneOf = (key: Bytes): Phone => ({ client: clientOf(url, key, fetch), print, signal });
  const phone = phoneOf(secret);
  print("\nThe same from a program, one request of each kind:");
  await showCall(options);
  await showSubscription(phone);
  await showPicture(phone);
  await showHomeAssistant(phone);
  await showQuery(phone);
  await showGuest(phoneOf(guestSecret));
}

/** Calls Jeedom, and prints what the network sees of the request and of the answer. */
async function showCall({ url, secret, platform: { print, fetch }, signal }: PresentationOptions): Promise<void> {
  let sent = "";
  let returned = "";
  const client = clientOf(url, secret, async (input, init) => {
    sent = String(init?.body);
    const response = await fetch(input, init);
    returned = await response.clone().text();
    return response;
  });
  const { body } = await client.callJeedom("summary::global", undefined, { signal });
  const result = isObject(body) ? body["result"] : undefined;
  print(`\
  Jeedom          summary::global ${JSON.stringify(result)}
  on the network  ${shorten(sent)} and back ${shorten(returned)}`);
}

/** Subscribes, and switches the light on. */
async function showSubscription({ client, print, signal }: Phone): Promise<void> {
  for await (const event of client.subscribe(["home/living-room/#"], { resume: false, signal })) {
    if (event.type === "connected") await client.publish(LIGHT_COMMAND_TOPIC, "ON", { qos: 1, signal });
    if (event.type !== "message" || event.topic !== LIGHT_TOPIC || event.payload !== "on") continue;
    print(`  MQTT            published ${LIGHT_COMMAND_TOPIC} ON, received ${event.topic} ${event.payload}`);
    return;
  }
}

async function showPicture({ client, print, signal }: Phone): Promise<void> {
  const request = { target: "camera", path: "/snapshot.png", raw: true };
  const { status, contentType, bytes } = await client.http(request, { signal });
  print(`  Camera          GET ${request.path} ${status} ${contentType}, ${bytes?.length} bytes`);
}

/** Subscribes to the state of a light of Home Assistant, and switches it on. */
async function showHomeAssistant({ client, print, signal }: Phone): Promise<void> {
  const states: unknown[] = [];
  for await (const event of client.subscribeEntities([LIGHT_ENTITY], { resume: false, signal })) {
    if (event.type !== "message") continue;
    const entity = tryParseJson(event.payload ?? "");
    states.push(isObject(entity) ? entity["state"] : undefined);
    if (states.at(-1) === "on") break;
    await client.homeAssistant("light.turn_on", { target: LIGHT_ENTITY, signal });
  }
  print(`  Home Assistant  light.turn_on ${LIGHT_ENTITY}: ${states.join(", then ")}`);
}

async function showQuery({ client, print, signal }: Phone): Promise<void> {
  const { rows } = await client.influx("temperatures", { room: "kitchen", from: "-3h" }, { signal });
  const means = rows.map(([time, mean]) => `${timeOf(time)} ${mean}`);
  print(`  InfluxDB        temperatures room=kitchen: ${means.join(", ")}`);
}

/** Runs an action with a key that may do nothing else, and tries to do the same without it. */
async function showGuest({ client, print, signal }: Phone): Promise<void> {
  const { actions } = await client.actions({ signal });
  const { status } = await client.action("open-gate", undefined, { signal });
  const refusal = await client.publish(GATE_COMMAND_TOPIC, "OPEN", { signal }).then(
    (answer) => String(answer.status),
    (error: unknown) => {
      if (error instanceof GatewayError) return `${error.status} ${error.message}`;
      throw error;
    },
  );
  print(`\
  A guest         may run ${actions.map(({ name }) => name).join(", ")}: ${status}
                  publishes ${GATE_COMMAND_TOPIC}: ${refusal}`);
}

function clientOf(url: string, secret: Bytes, fetch: Platform["fetch"]): GatewayClient {
  return new GatewayClient({ url, key: secret.toHex(), protocol: 2, fetch });
}

function shorten(sealed: string): string {
  return `${sealed.slice(0, SHOWN_CHARACTERS)}… (${sealed.length} characters)`;
}

/** Formats a time as local hours and minutes. */
function timeOf(ms: unknown): string {
  return new Date(Number(ms)).toTimeString().slice(0, 5);
}
