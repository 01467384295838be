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
import { readStartTask } from "../support/start_task.ts";
import type { Attack } from "./attack.ts";
import { Attacker } from "./attacker.ts";
import type { ControlGroup } from "./control_group.ts";
import { startHostileServer } from "./hostile_server.ts";

/** Result of an attack. */
export interface AttackResult {
  readonly name: string;
  /** Peak memory of the gateway, in bytes. */
  readonly peakBytes: number;
  /** True if the gateway still runs and answers. */
  readonly survived: boolean;
  /** Successful requests of another key during the attack. */
  readonly served: number;
  /** Requests of the other key. */
  readonly requests: number;
  /** Longest latency of these requests, in milliseconds. */
  readonly slowestMs: number;
}

/** Options of a run. */
export interface AttackOptions {
  /** Duration, in milliseconds. */
  readonly ms: number;
  /** Control group of the gateway. */
  readonly group: ControlGroup;
  /** Further flags for `deno run`. */
  readonly flags?: readonly string[];
  /** Receives everything that is started; the caller disposes of it. */
  readonly scope: AsyncDisposableStack;
}

/** Rights to all that attacks and the other client request. */
const RIGHTS = {
  jeedom: { methods: ["*"] },
  mqtt: { publish: ["#"], subscribe: ["#"] },
  "home_assistant": { read: ["*"], call: ["light.*@*"] },
  influxdb: { queries: ["*"] },
  http: { targets: ["*"] },
  action: { actions: ["*"] },
};

/** Returns the services file of a gateway whose services are all behind one server. */
const servicesFile = (url: string) =>
  `\
http:
  house: { url: "${url}", paths: [/**], redirects: follow }
influxdb:
  table: { url: "${url}", version: 1, database: house, query: SELECT * FROM t }
  csv: { url: "${url}", version: 2, org: house, token: token, query: 'from(bucket: "t")' }
  phone: { url: "${url}/phone", version: 1, database: house, query: SELECT * FROM t }
actions:
  phone: { label: Phone, publish: { topic: phone, message: m } }
  picture: { label: Picture, answer: true, http: { target: house, path: /picture }, state: { homeAssistant: sensor.a } }
  light: { label: Light, answer: true, homeAssistant: { call: light.turn_on, target: { entity_id: light.a } }, state: { query: table } }
`;

/** Runs an attack, and uses each service in turn with another key. */
export async function runAttack(
  attack: Attack,
  { ms, group, flags = [], scope }: AttackOptions,
): Promise<AttackResult> {
  const jeedom = { result: '"pong"', delayMs: 0 };
  // Fixed result texts: the simulated Jeedom would serialize 8 MiB for each answer.
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { method } = await request.json();
    const isAttack = method !== "ping" && method !== "version";
    if (isAttack) await pause(jeedom.delayMs);
    return new Response(`{"jsonrpc":"2.0","id":99999,"result":${isAttack ? jeedom.result : '"pong"'}}`);
  });
  scope.defer(() => server.shutdown());
  const hostile = startHostileServer();
  scope.use(hostile);
  const phone = makeRecord({ name: "phone", rights: RIGHTS });
  const keys = Array.from(
    { length: attack.keys ?? 4 },
    (_, index) => makeRecord({ name: `greedy-${index}`, rights: RIGHTS }),
  );
  const directory = await Deno.makeTempDir({ prefix: "memory-" });
  scope.defer(() => Deno.remove(directory, { recursive: true }));
  await Deno.mkdir(`${directory}/data`, { mode: 0o700 });
  await Deno.writeTextFile(`${directory}/data/keys.json`, formatKeysFile([phone, ...keys]), { mode: 0o600 });
  await Deno.writeTextFile(`${directory}/services.yaml`, servicesFile(hostile.url), { mode: 0o600 });
  const broker = await startAttackBroker(attack, scope);
  const start = await readStartTask();
  const gateway = await startGatewayProcess({
    JEEDOM_URL: `http://127.0.0.1:${server.addr.port}`,
    JEEDOM_APIKEY: crypto.randomUUID(),
    HOME_ASSISTANT_URL: hostile.url,
    HOME_ASSISTANT_TOKEN: crypto.randomUUID(),
    ...start.env,
    ...broker.settings,
  }, { directory, key: phone.secret.toHex(), launcher: group.launcher, flags: [...start.flags, ...flags] });
  scope.defer(async () => void await gateway.stop("SIGKILL"));
  let hasEnded = false;
  const exited = gateway.output.ended.then(() => hasEnded = true);
  const device = await connectAsync(`mqtt://127.0.0.1:${broker.port}`);
  const attackers = keys.map((key, index) =>
    new Attacker(gateway.url, key, `192.0.${2 + (index >> 8)}.${index & 255}`)
  );
  const end = performance.now() + ms;
  const isRunning = () => performance.now() < end && !hasEnded;
  const client = new GatewayClient({ url: gateway.url, key: phone.secret.toHex(), protocol: 2 });
  const measuring = measureClient(client, isRunning);
  await Promise.race([
    attack.run({ attackers, device, jeedom, server: hostile, isRunning }),
    exited,
    pause(ms + 10_000),
  ]);
  for (const attacker of attackers) attacker.close();
  const measured = await measuring;
  const survived = !hasEnded && await answersSoon(client);
  await device.endAsync(true);
  const peakBytes = await group.peakBytes();
  await gateway.stop(survived ? "SIGTERM" : "SIGKILL");
  return { name: attack.name, peakBytes, survived, ...measured };
}

/** Starts the broker of an attack. */
async function startAttackBroker({ broker }: Attack, scope: AsyncDisposableStack) {
  if (broker === "embedded") {
    const port = freePort();
    return { port, settings: { MQTT_BROKER_PORT: String(port) } };
  }
  const mosquitto = await startBroker([
    "allow_anonymous true",
    "max_queued_messages 20",
    "memory_limit 0",
  ]);
  scope.defer(() => mosquitto.stop());
  const { port, host } = mosquitto;
  if (broker === undefined) return { port, settings: { MQTT_BROKER_HOST: host, MQTT_BROKER_PORT: String(port) } };
  const { promise, resolve } = Promise.withResolvers<number>();
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  const line = withMqtt3Proxy({ host, port }, async (address) => {
    resolve(address.port);
    await stopped;
  });
  scope.defer(() => {
    stop();
    return line;
  });
  return { port, settings: { MQTT_BROKER_HOST: host, MQTT_BROKER_PORT: String(await promise) } };
}

/** Requests of the other client: one to each service. */
const PHONE_REQUESTS = [
  ["mqtt", { topic: "phone", message: "m" }],
  ["jeedom", { jsonrpc: "version" }],
  ["http", { target: "house", path: "/phone" }],
  ["home_assistant", { state: "sensor.phone" }],
  ["influxdb", { query: "phone" }],
  ["action", { name: "phone" }],
] as const;

/** Uses each service in turn, four times per second. */
async function measureClient(client: GatewayClient, isRunning: () => boolean) {
  let [served, requests, slowestMs] = [0, 0, 0];
  for (let index = 0; isRunning(); index = (index + 1) % PHONE_REQUESTS.length) {
    const [service, fields] = PHONE_REQUESTS[index] ?? PHONE_REQUESTS[0];
    const began = performance.now();
    requests += 1;
    const answer = client.call(service, fields).catch(() => ({ status: 0 }));
    const { status } = await Promise.race([answer, pause(20_000, { status: 0 })]);
    if (status === 200) served += 1;
    slowestMs = Math.max(slowestMs, performance.now() - began);
    await pause(250);
  }
  return { served, requests, slowestMs };
}

/** Returns whether the gateway answers soon after an attack. */
async function answersSoon(client: GatewayClient): Promise<boolean> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const answer = await Promise.race([client.publish("phone", "m").catch(() => undefined), pause(5000)]);
    if (answer?.status === 200) return true;
    await pause(500);
  }
  return false;
}
