/**
 * What the demo shows: one of each request, as a phone sends it.
 *
 * @module
 */
import { type Answer, GatewayClient, GatewayError } from "../client/gateway_client.ts";
import { isObject, tryParseJson } from "../lib/json.ts";
import type { Platform } from "../platform.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { openRequest, parseRequest } from "../protocol/exchange.ts";
import { importSecretKey } from "../protocol/secret_key.ts";
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
const LIGHT_TOPIC = "home/livingroom/light";

/** Light of Home Assistant. */
const LIGHT_ENTITY = "light.kitchen";

/** Characters that are shown of a sealed text. */
const SHOWN_CHARACTERS = 40;

/** Sends one of each request, and prints what is sent and answered. */
export async function present(options: PresentationOptions): Promise<void> {
  const { url, secret, guestSecret, platform: { fetch, print }, signal } = options;
  const phoneOf = (key: Bytes): Phone => ({ client: clientOf(url, key, fetch), print, signal });
  const phone = phoneOf(secret);
  await showCall(options);
  await showSubscription(phone);
  await showPicture(phone);
  await showHomeAssistant(phone);
  await showQuery(phone);
  await showGuest(phoneOf(guestSecret));
}

/** Calls Jeedom, and prints the plain and sealed texts of the request and the answer. */
async function showCall({ url, secret, platform: { print, fetch }, signal }: PresentationOptions): Promise<void> {
  let sent = "";
  let returned = "";
  const client = clientOf(url, secret, async (input, init) => {
    sent = String(init?.body);
    const response = await fetch(input, init);
    returned = await response.clone().text();
    return response;
  });
  const answer = await client.callJeedom("summary::global", undefined, { signal });
  const request = await openRequest(await importSecretKey(secret), parseRequest(sent), { route: "/gateway" });
  print(`
1. A call of Jeedom, for the state of the home
   sealed    ${request?.text}
   sent      ${shorten(sent)}
   returned  ${shorten(returned)}
   answered  ${textOf(answer)}`);
}

/** Subscribes, and switches the light on. */
async function showSubscription({ client, print, signal }: Phone): Promise<void> {
  print("\n2. A subscription to home/livingroom/#, and a message that switches the light on");
  for await (const event of client.subscribe(["home/livingroom/#"], { resume: false, signal })) {
    if (event.type === "connected") {
      const published = await client.publish(LIGHT_COMMAND_TOPIC, "ON", { qos: 1, signal });
      print(`   published ${textOf(published)}`);
    } else if (event.type === "message") {
      print(`   received  ${event.topic} ${event.payload}`);
      if (event.topic === LIGHT_TOPIC && event.payload === "1") return;
    }
  }
}

async function showPicture({ client, print, signal }: Phone): Promise<void> {
  const request = { target: "camera", path: "/snapshot.png", raw: true };
  const { status, contentType, bytes } = await client.http(request, { signal });
  print(`
3. A picture of a camera by HTTP; its password is in the gateway, and in no phone
   sent      GET ${request.path}
   answered  ${status} ${contentType}, ${bytes?.length} bytes`);
}

/** Subscribes to the state of a light of Home Assistant, and switches it on. */
async function showHomeAssistant({ client, print, signal }: Phone): Promise<void> {
  print("\n4. A light of Home Assistant: its state, and a call that switches it on");
  for await (const event of client.subscribeEntities([LIGHT_ENTITY], { resume: false, signal })) {
    if (event.type !== "message") continue;
    const entity = tryParseJson(event.payload ?? "");
    const state = isObject(entity) ? entity["state"] : undefined;
    print(`   received  ${event.topic} ${state}`);
    if (state === "on") return;
    const { status } = await client.homeAssistant("light.turn_on", { target: LIGHT_ENTITY, signal });
    print(`   called    light.turn_on ${status}`);
  }
}

async function showQuery({ client, print, signal }: Phone): Promise<void> {
  const { columns, rows } = await client.influx("temperatures", { room: "kitchen", from: "-3h" }, { signal });
  print(`
5. A query of InfluxDB by its name, temperatures: its text is in the gateway
   sent      room=kitchen from=-3h
   answered  ${columns.join(", ")}`);
  for (const [time, ...values] of rows) print(`             ${timeOf(time)}, ${values.join(", ")}`);
}

/** Runs an action with a key that may do nothing else, and tries to do the same without it. */
async function showGuest({ client, print, signal }: Phone): Promise<void> {
  print("\n6. A guest, whose key may open the gate and do nothing else");
  const { actions } = await client.actions({ signal });
  for (const { name, label } of actions) print(`   may run   ${name}: ${label}`);
  print(`   answered  ${textOf(await client.action("open-gate", undefined, { signal }))}`);
  const refusal = await client.publish(GATE_COMMAND_TOPIC, "OPEN", { signal }).then(textOf, (error: unknown) => {
    if (error instanceof GatewayError) return `${error.status} ${error.message}`;
    throw error;
  });
  print(`   published ${refusal}`);
}

function clientOf(url: string, secret: Bytes, fetch: Platform["fetch"]): GatewayClient {
  return new GatewayClient({ url, key: secret.toHex(), protocol: 2, fetch });
}

function shorten(sealed: string): string {
  return `${sealed.slice(0, SHOWN_CHARACTERS)}… (${sealed.length} characters)`;
}

function textOf({ status, body }: Answer): string {
  return `${status} ${typeof body === "string" ? body : JSON.stringify(body)}`;
}

/** Formats a time as local hours and minutes. */
function timeOf(ms: unknown): string {
  return new Date(Number(ms)).toTimeString().slice(0, 5);
}
