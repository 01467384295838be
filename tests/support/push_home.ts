/** Home with a broker, a push service and real gateways, one after the other, on one state database. */
import { DatabaseSync } from "node:sqlite";
import type { GatewayClient } from "../../src/client/gateway_client.ts";
import type { Variables } from "../../src/config/rules.ts";
import { startEmbeddedBroker } from "../../src/demo/embedded_broker.ts";
import { until } from "./deadline.ts";
import { type GatewayProcess, startGatewayProcess, UNLIMITED } from "./gateway_process.ts";
import { parsePrometheusText } from "./prometheus_text.ts";
import { TestPushService, type TestSubscription } from "./push_service.ts";

/** What a gateway has counted since its start, without what is 0: `dropped` is followed by its reason. */
export type PushFigures = Readonly<Record<string, number>>;

const FIGURE = /^e2e_gateway_push_(queued|sent|expired|replaced|dropped|queue)(?:_total)?$/;

/** Home. */
export class PushHome {
  readonly #directory: string;
  readonly #broker: Awaited<ReturnType<typeof startEmbeddedBroker>>;
  readonly #gateways: GatewayProcess[] = [];
  readonly service: TestPushService;

  private constructor(
    directory: string,
    broker: Awaited<ReturnType<typeof startEmbeddedBroker>>,
    service: TestPushService,
  ) {
    this.#directory = directory;
    this.#broker = broker;
    this.service = service;
  }

  /** Starts the broker and the push service. Needs openssl. */
  static async start(directory: string): Promise<PushHome> {
    const service = await TestPushService.startIn(directory);
    return new PushHome(directory, await startEmbeddedBroker(0), service);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const gateway of this.#gateways) await gateway.stop("SIGKILL");
    await this.#broker.close();
    await this.service[Symbol.asyncDispose]();
  }

  /** State database of the gateways. */
  get statePath(): string {
    return `${this.#directory}/data/state.db`;
  }

  /** Starts a gateway that trusts the push service. */
  async startGateway(env: Variables = {}): Promise<GatewayProcess> {
    const gateway = await startGatewayProcess({
      ...UNLIMITED,
      ...{ MQTT_BROKER_HOST: "127.0.0.1", MQTT_BROKER_PORT: String(this.#broker.port) },
      ...{ PUSH_ALLOWED_HOSTS: this.service.host, DENO_CERT: `${this.#directory}/cert.pem`, ...env },
    }, { directory: this.#directory });
    this.#gateways.push(gateway);
    return gateway;
  }

  /** Subscribes a new device of a key, and alerts it of each message on a topic. */
  async addDevice(client: GatewayClient, topic: string): Promise<TestSubscription> {
    const device = this.service.subscribe();
    await client.pushSubscribe({ ...device, kind: "web" });
    await client.pushSetRule({
      name: "any",
      source: { topics: [topic] },
      condition: { type: "any" },
      title: "{value}",
    });
    return device;
  }

  /**
   * Publishes a message again and again until it makes an alert: a gateway that has just started may not listen yet.
   *
   * @param listener client of the key with the rule; that of the gateway by default
   */
  async untilListening({ client }: GatewayProcess, topic: string, listener = client): Promise<void> {
    const titles = async () => (await listener.pushAlerts()).map(({ title }) => title);
    const before = (await titles()).length;
    await until("an alert", async () => {
      await client.publish(topic, "ready");
      return (await titles()).length > before;
    });
    // Behind those that are under way.
    const last = crypto.randomUUID();
    await client.publish(topic, last);
    await until("the last alert", async () => (await titles()).at(-1) === last);
  }

  /** Titles of the messages that a device was sent, in their order. */
  receivedBy({ endpoint }: TestSubscription): string[] {
    const sent = this.service.received.filter(({ path }) => path === new URL(endpoint).pathname);
    return sent.map(({ text }) => JSON.parse(text).title);
  }

  /** Number of devices in the state database, of all keys. */
  countDevices(): number {
    using database = new DatabaseSync(this.statePath);
    return Number(database.prepare("SELECT count(*) AS count FROM push_subscriptions").get()?.["count"]);
  }

  /** Keeps all processes from writing into the state database until it is disposed. */
  lockState(): Disposable {
    const database = new DatabaseSync(this.statePath);
    database.exec("BEGIN IMMEDIATE");
    return { [Symbol.dispose]: () => database.close() };
  }

  /** Ends the lifetime of the waiting messages with a title, while no gateway runs. */
  expire(title: string): void {
    using database = new DatabaseSync(this.statePath);
    database.prepare("UPDATE push_messages SET expires = 1 WHERE text LIKE ?").run(`%"title":"${title}"%`);
  }
}

/** Reads what a gateway has counted. */
export async function pushFigures({ metricsUrl }: GatewayProcess): Promise<PushFigures> {
  const text = await (await fetch(`${metricsUrl}/metrics`)).text();
  const samples = [...parsePrometheusText(text).values()].flatMap((family) => family.samples);
  return Object.fromEntries(
    samples.flatMap(({ name, labels, value }) => {
      const figure = FIGURE.exec(name)?.[1];
      return figure === undefined || value === 0 ? [] : [[[figure, ...Object.values(labels)].join(" "), value]];
    }),
  );
}
