/**
 * Connections to MQTT brokers: the only importer of MQTT.js.
 *
 * @module
 */
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import {
  type BrokerAddress,
  type BrokerConnection,
  BrokerError,
  BrokerForbiddenError,
  type ConnectBroker,
} from "./broker.ts";
import { explainFailure } from "./failure.ts";

/** SUBACK's word for "refused" (MQTT 3.1.1, section 3.9.3). */
const SUBSCRIPTION_REFUSED = 128;

const utf8 = new TextEncoder();

/** How long a farewell may take before the socket is cut, in milliseconds: a frozen broker never answers it. */
const FAREWELL_MS = 1000;

/** Why a connection ends, as soon as that is known; it is lost a little later. */
interface End {
  cause: BrokerError | undefined;
}

/** How connections are opened. */
export interface ConnectBrokerOptions {
  /** How often a silent connection proves that it is alive, in seconds. */
  readonly keepAliveSeconds: number;
  /** Says why nobody may be sent to an IP address, in words that follow it; undefined where nothing is wrong. */
  readonly addressFault: (address: string) => string | undefined;
}

/** Makes a function that opens connections. */
export function createConnectBroker({ keepAliveSeconds, addressFault }: ConnectBrokerOptions): ConnectBroker {
  return async (address, { signal, onMessage }) => {
    signal.throwIfAborted();
    const place = `${address.host}:${address.port}`;
    const client = connect(clientOptions(address, keepAliveSeconds));
    const lost = Promise.withResolvers<BrokerError>();
    const welcome = Promise.withResolvers<undefined>();
    const end: End = { cause: undefined };
    const abandon = () => {
      end.cause ??= signal.reason instanceof BrokerError
        ? signal.reason
        : new BrokerError(`Broker ${place} not awaited`);
      client.end(true);
    };
    signal.addEventListener("abort", abandon, { once: true });
    client.once("connect", () => welcome.resolve(undefined));
    client.on("error", (error) => {
      end.cause ??= explainFailure(error, place);
      client.end(true);
    });
    client.on("close", () => {
      lost.resolve(end.cause ?? new BrokerError(`Broker ${place} closed the connection`));
      // Without this MQTT.js would never settle the publishes that are under way.
      client.end(true);
    });
    client.handleMessage = ({ topic, payload, qos, retain }, done) => {
      const bytes = typeof payload === "string" ? utf8.encode(payload) : payload;
      const busy = onMessage?.({ topic, payload: bytes, qos, retain });
      if (busy === undefined) done();
      else busy.then(() => done(), done);
    };
    try {
      client.connect();
      // The name is resolved once, by the socket itself, and this comes before it connects: so the address that is
      // checked is the one that is connected to, whatever a name server says the next time.
      client.stream.on("lookup", (error: unknown, ip: unknown) => {
        const fault = addressFault(String(ip));
        if (error || fault === undefined) return;
        end.cause ??= new BrokerForbiddenError(`Broker not allowed: ${place} leads to ${ip}, which ${fault}`);
        client.stream.destroy(end.cause);
      });
    } catch (error) {
      lost.resolve(explainFailure(error, place));
      client.stream?.destroy();
    }

    const failure = await Promise.race([welcome.promise, lost.promise]);
    signal.removeEventListener("abort", abandon);
    if (failure !== undefined) throw failure;
    return wrap(client, lost.promise, end);
  };
}

function clientOptions(address: BrokerAddress, keepAliveSeconds: number): IClientOptions {
  return {
    protocol: address.tls === undefined ? "mqtt" : "mqtts",
    host: address.host,
    port: address.port,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.tls?.ca === undefined ? {} : { ca: address.tls.ca }),
    protocolVersion: 4,
    clean: true,
    keepalive: keepAliveSeconds,
    // Nothing is queued or sent again: a door command that arrives minutes late is dangerous.
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    // A fault may come at once: connect() is called when somebody listens to it.
    manualConnect: true,
    // The caller's signal is the one deadline; this is the longest that a timer can be.
    connectTimeout: 2 ** 31 - 1,
    timerVariant: "native",
  };
}

function wrap(client: MqttClient, lost: Promise<BrokerError>, end: End): BrokerConnection {
  let underWay = 0;

  /** Runs a command, and tells a failure by the end of the connection where that was its cause. */
  async function run<T>(command: () => Promise<T>): Promise<T> {
    // MQTT.js would keep the command for later.
    if (!client.connected) throw await lost;
    underWay += 1;
    try {
      return await command();
    } catch (error) {
      if (end.cause !== undefined || !client.connected) throw await lost;
      throw new BrokerError(error instanceof Error ? error.message : String(error));
    } finally {
      underWay -= 1;
    }
  }

  return {
    lost,
    async publish({ topic, payload, qos, retain }) {
      await run(() => client.publishAsync(topic, payload, { qos, retain }));
    },
    async subscribe(filters, qos) {
      const granted = await run(() => client.subscribeAsync([...filters], { qos }));
      const refused = granted.filter((grant) => grant.qos === SUBSCRIPTION_REFUSED).map((grant) => grant.topic);
      if (refused.length > 0) throw new BrokerError(`Broker refused the subscription to ${refused.join(", ")}`);
    },
    async close(reason = new BrokerError("Connection closed")) {
      end.cause ??= reason;
      // A polite end waits for answers that may never come, and MQTT.js would then never settle the commands.
      client.end(underWay > 0 || !client.connected);
      const cut = setTimeout(() => client.stream.destroy(), FAREWELL_MS);
      await lost;
      clearTimeout(cut);
    },
  };
}
