/** Runs one attack against a gateway in a control group. */
import { setTimeout as pause } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { formatKeysFile } from "../../src/keys/schema.ts";
import { makeRecord } from "../../tests/support/gateway.ts";
import { freePort } from "../../tests/support/loopback.ts";
import { withMqtt3Proxy } from "../../tests/support/mqtt3_proxy.ts";
import { startBroker } from "../../tests/support/broker.ts";
import { startGatewayProcess } from "../../tests/support/gateway_process.ts";
import { Attacker } from "./attacker.ts";
import type { Attack } from "./attacks.ts";
import type { ControlGroup } from "./control_group.ts";

/** What came of an attack. */
export interface AttackResult {
  readonly name: string;
  /** The most memory that the gateway took, in bytes. */
  readonly peakBytes: number;
  /** Whether it runs on, and answers. */
  readonly survived: boolean;
  /** How many requests of a phone with a key of its own succeeded meanwhile. */
  readonly served: number;
  /** How many it sent. */
  readonly asked: number;
  /** The longest that it waited for an answer, in milliseconds. */
  readonly slowestMs: number;
}

/** Choices for a run. */
export interface AttackOptions {
  /** How long it lasts, in milliseconds. */
  readonly ms: number;
  /** Where the gateway runs. */
  readonly group: ControlGroup;
  /** Further flags for `deno run`. */
  readonly flags?: readonly string[];
  /** Takes all that is started, for the caller to end. */
  readonly opened: AsyncDisposableStack;
}

/** How many keys attack. */
const KEYS = 4;

const RIGHTS = {
  services: ["jeedom", "mqtt"],
  methods: ["*"],
  publish: ["#"],
  subscribe: ["#"],
} as const;

/** Runs an attack for a while, with a phone beside it that sends a small message and a small call in turn. */
export async function runAttack(
  attack: Attack,
  { ms, group, flags = [], opened }: AttackOptions,
): Promise<AttackResult> {
  const jeedom = { result: '"pong"', delayMs: 0 };
  const house = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { method } = await request.json();
    const isBig = method !== "ping" && method !== "version";
    if (isBig) await pause(jeedom.delayMs);
    return new Response(`{"jsonrpc":"2.0","id":99999,"result":${isBig ? jeedom.result : '"pong"'}}`);
  });
  opened.defer(() => house.shutdown());
  const phone = makeRecord({ name: "phone", ...RIGHTS });
  const keys = Array.from({ length: KEYS }, (_, index) => makeRecord({ name: `greedy-${index}`, ...RIGHTS }));
  const directory = await Deno.makeTempDir({ prefix: "memory-" });
  opened.defer(() => Deno.remove(directory, { recursive: true }));
  await Deno.mkdir(`${directory}/data`, { mode: 0o700 });
  await Deno.writeTextFile(`${directory}/data/keys.json`, formatKeysFile([phone, ...keys]), { mode: 0o600 });
  const broker = await findBroker(attack, opened);
  const { flags: own, environment } = await startCommand();
  const gateway = await startGatewayProcess({
    JEEDOM_URL: `http://127.0.0.1:${house.addr.port}`,
    JEEDOM_APIKEY: crypto.randomUUID(),
    ...environment,
    ...broker.settings,
  }, { directory, key: phone.secret.toHex(), launcher: group.launcher, flags: [...own, ...flags] });
  opened.defer(async () => void await gateway.stop("SIGKILL"));
  let isEnded = false;
  const exited = gateway.output.ended.then(() => isEnded = true);
  const device = await connectAsync(`mqtt://127.0.0.1:${broker.port}`);
  const attackers = keys.map((key, index) => new Attacker(gateway.url, key, `192.0.2.${index + 1}`));
  const until = performance.now() + ms;
  const isOn = () => performance.now() < until && !isEnded;
  const phoneClient = new GatewayClient({ url: gateway.url, key: phone.secret.toHex(), protocol: 2 });
  const watching = usePhone(phoneClient, isOn);
  await Promise.race([attack.run({ attackers, device, jeedom, isOn }), exited, pause(ms + 10_000)]);
  for (const attacker of attackers) attacker.leave();
  const figures = await watching;
  const survived = !isEnded && await answersSoon(phoneClient);
  await device.endAsync(true);
  const peakBytes = await group.peakBytes();
  await gateway.stop(survived ? "SIGTERM" : "SIGKILL");
  return { name: attack.name, peakBytes, survived, ...figures };
}

/** What `deno task start` tells Deno and the allocator about memory. */
async function startCommand() {
  const { tasks: { start: { command } } } = JSON.parse(
    await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  );
  const words = String(command).split(" ");
  return {
    flags: words.filter((word) => word.startsWith("--v8-flags=")),
    environment: Object.fromEntries(words.filter((word) => word.startsWith("MALLOC_")).map((word) => word.split("="))),
  };
}

/** Starts the broker of an attack. */
async function findBroker({ broker }: Attack, opened: AsyncDisposableStack) {
  if (broker === "embedded") {
    const port = freePort();
    return { port, settings: { MQTT_BROKER_PORT: String(port) } };
  }
  const { port, host, stop } = await startBroker([
    "allow_anonymous true",
    "max_queued_messages 20",
    "memory_limit 0",
  ]);
  opened.defer(() => stop());
  if (broker === undefined) return { port, settings: { MQTT_BROKER_HOST: host, MQTT_BROKER_PORT: String(port) } };
  const { promise, resolve } = Promise.withResolvers<number>();
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const line = withMqtt3Proxy({ host, port }, async (address) => {
    resolve(address.port);
    await over;
  });
  opened.defer(() => {
    end();
    return line;
  });
  return { port, settings: { MQTT_BROKER_HOST: host, MQTT_BROKER_PORT: String(await promise) } };
}

/** Sends a small message and a small call in turn, four a second. */
async function usePhone(client: GatewayClient, isOn: () => boolean) {
  let [served, asked, slowestMs] = [0, 0, 0];
  while (isOn()) {
    const began = performance.now();
    asked += 1;
    const answer = asked % 2 === 0 ? client.publish("phone", "m") : client.callJeedom("version");
    const { status } = await Promise.race([answer.catch(() => ({ status: 0 })), pause(20_000, { status: 0 })]);
    if (status === 200) served += 1;
    slowestMs = Math.max(slowestMs, performance.now() - began);
    await pause(250);
  }
  return { served, asked, slowestMs };
}

/** Tells whether the gateway answers again soon after an attack. */
async function answersSoon(client: GatewayClient): Promise<boolean> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const answer = await Promise.race([client.publish("phone", "m").catch(() => undefined), pause(5000)]);
    if (answer?.status === 200) return true;
    await pause(500);
  }
  return false;
}
