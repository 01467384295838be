/**
 * Connections to MQTT brokers: the only importer of MQTT.js.
 *
 * @module
 */
import { connect, type IClientOptions, type IClientSubscribeOptions, type MqttClient } from "mqtt";
import {
  type BrokerAddress,
  type BrokerConnection,
  BrokerError,
  BrokerForbiddenError,
  type ConnectBroker,
  type ConnectOptions,
  type Delivery,
  type Publication,
} from "./broker.ts";
import { codeOf, explainFailure } from "./failure.ts";
import { SendWindow } from "./send_window.ts";

/** The first of SUBACK's words for "refused" (MQTT 3.1.1, section 3.9.3; MQTT 5, section 3.9.3). */
const SUBSCRIPTION_REFUSED = 128;

/** CONNACK's words for "I do not speak this version": an older broker's, and one of MQTT 5. */
const OTHER_VERSION: readonly unknown[] = [1, 132];

/** As many as there are message identifiers: what a broker takes at a time that names no bound. */
const ANY_NUMBER = 65_535;

const utf8 = new TextEncoder();

/** How long a farewell may take before the socket is cut, in milliseconds: a frozen broker never answers it. */
const FAREWELL_MS = 1000;

/** A connection as far as it is known. */
interface State {
  /** Why it ends, as soon as that is known; it is lost a little later. */
  cause: BrokerError | undefined;
  /** Whether the broker cannot be spoken to in this version. */
  otherVersion: boolean;
  /** How many packets came from the broker. */
  heard: number;
  /** How much the broker takes at a time. */
  window: SendWindow;
  /** Whether the broker takes numbers for subscriptions, to tell them with its messages. */
  takesIds: boolean;
}

/** How connections are opened. */
export interface ConnectBrokerOptions {
  /** How often a silent connection proves that it is alive, in seconds. */
  readonly keepAliveSeconds: number;
  /** Says why nobody may be sent to an IP address, in words that follow it; undefined where nothing is wrong. */
  readonly addressFault: (address: string) => string | undefined;
}

/** Makes a function that opens connections: in MQTT 5, or in 3.1.1 with a broker that does not speak 5. */
export function createConnectBroker(options: ConnectBrokerOptions): ConnectBroker {
  return async (address, choices) => {
    const state = await openConnection(5, address, { ...options, ...choices });
    if (typeof state !== "string") return state;
    const older = await openConnection(4, address, { ...options, ...choices });
    if (typeof older !== "string") return older;
    throw new BrokerError(older);
  };
}

/** Opens a connection in one version, or tells why the broker may want another one. */
async function openConnection(
  protocolVersion: 4 | 5,
  address: BrokerAddress,
  { signal, onMessage, keepAliveSeconds, addressFault }: ConnectBrokerOptions & ConnectOptions,
): Promise<BrokerConnection | string> {
  signal.throwIfAborted();
  const place = `${address.host}:${address.port}`;
  const client = connect({ ...clientOptions(address, keepAliveSeconds), protocolVersion });
  const lost = Promise.withResolvers<BrokerError>();
  const welcome = Promise.withResolvers<undefined>();
  const state: State = {
    cause: undefined,
    otherVersion: false,
    heard: 0,
    window: new SendWindow(ANY_NUMBER),
    takesIds: false,
  };
  const abandon = () => {
    state.cause ??= signal.reason instanceof BrokerError
      ? signal.reason
      : new BrokerError(`Broker ${place} not awaited`);
    client.end(true);
  };
  signal.addEventListener("abort", abandon, { once: true });
  client.once("connect", ({ properties }) => {
    state.window = new SendWindow(properties?.receiveMaximum ?? ANY_NUMBER);
    state.takesIds = protocolVersion === 5 && properties?.subscriptionIdentifiersAvailable !== false;
    welcome.resolve(undefined);
  });
  client.on("error", (error) => {
    state.otherVersion ||= OTHER_VERSION.includes(codeOf(error));
    state.cause ??= explainFailure(error, place);
    client.end(true);
  });
  client.on("close", () => {
    // Some older brokers hang up on a greeting that they do not understand.
    state.otherVersion ||= state.cause === undefined;
    lost.resolve(state.cause ?? new BrokerError(`Broker ${place} closed the connection`));
    // Without this MQTT.js would never settle the publishes that are under way.
    client.end(true);
  });
  client.on("packetreceive", () => void (state.heard += 1));
  client.handleMessage = ({ topic, payload, qos, retain, properties }, done) => {
    const bytes = typeof payload === "string" ? utf8.encode(payload) : payload;
    const id = properties?.subscriptionIdentifier;
    const subscriptions = typeof id === "number" ? [id] : id;
    const busy = onMessage?.({ topic, payload: bytes, qos, retain, subscriptions });
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
      state.cause ??= new BrokerForbiddenError(`Broker not allowed: ${place} leads to ${ip}, which ${fault}`);
      client.stream.destroy(state.cause);
    });
  } catch (error) {
    state.cause ??= explainFailure(error, place);
    lost.resolve(state.cause);
    client.stream?.destroy();
  }

  const failure = await Promise.race([welcome.promise, lost.promise]);
  signal.removeEventListener("abort", abandon);
  if (failure === undefined) return wrap(client, lost.promise, state);
  if (state.otherVersion) return failure.message;
  throw failure;
}

function clientOptions(address: BrokerAddress, keepAliveSeconds: number): IClientOptions {
  return {
    protocol: address.tls === undefined ? "mqtt" : "mqtts",
    host: address.host,
    port: address.port,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.tls?.ca === undefined ? {} : { ca: address.tls.ca }),
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

function wrap(client: MqttClient, lost: Promise<BrokerError>, state: State): BrokerConnection {
  let underWay = 0;
  const unsettled = new Set<(reason: BrokerError) => void>();
  // MQTT.js never settles a QoS 0 publish that waits for the socket to take it.
  lost.then((reason) => unsettled.forEach((reject) => reject(reason)));

  /** Tells a failure by the end of the connection where that was its cause. */
  async function failed(error: unknown): Promise<never> {
    // MQTT.js settles what is under way just before it tells why the connection ends.
    await undefined;
    if (state.cause !== undefined || !client.connected) throw await lost;
    throw new BrokerError(error instanceof Error ? error.message : String(error));
  }

  /** Runs a command. */
  async function run<T>(command: () => Promise<T>): Promise<T> {
    // MQTT.js would keep the command for later.
    if (!client.connected) throw await lost;
    underWay += 1;
    try {
      return await command();
    } catch (error) {
      return await failed(error);
    } finally {
      underWay -= 1;
    }
  }

  function publish({ topic, payload, qos, retain }: Publication): Delivery {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settled = () => void unsettled.delete(reject);
    unsettled.add(reject);
    // This also takes note of the failure where nobody waits for it any more.
    promise.then(settled, settled);
    let messageId: number | undefined;
    const send = () => {
      if (!client.connected) {
        if (qos > 0) state.window.leave();
        failed(undefined).catch(reject);
        return;
      }
      underWay += 1;
      client.publish(topic, payload, { qos, retain }, (error) => {
        underWay -= 1;
        if (qos > 0) state.window.leave();
        if (error) failed(error).catch(reject);
        else resolve();
      });
      if (qos > 0) messageId = client.getLastMessageId();
    };
    if (qos === 0) send();
    else state.window.enter(send);
    return {
      acknowledged: promise,
      abandon() {
        if (state.window.cancel(send)) reject(new BrokerError("Message removed"));
        else if (messageId !== undefined) client.removeOutgoingMessage(messageId);
      },
    };
  }

  /** Sends one packet with filters; answers those that the broker refused. */
  function ask(filters: string[], options: IClientSubscribeOptions): Promise<string[]> {
    return new Promise((resolve, reject) => {
      client.subscribe(filters, options, (error, _, packet) => {
        // MQTT.js takes one refusal for the failure of all.
        const codes = packet?.granted.map(Number) ?? [];
        if (codes.length !== filters.length) reject(error);
        else resolve(filters.filter((_, index) => (codes[index] ?? 0) >= SUBSCRIPTION_REFUSED));
      });
    });
  }

  return {
    lost,
    get heard() {
      return state.heard;
    },
    publish,
    async subscribe(requests) {
      // A packet has room for one id, and one for each quality of service is enough where there are none.
      const packets = state.takesIds
        ? requests.map(({ filter, qos, id }) => () =>
          ask([filter], { qos, properties: { subscriptionIdentifier: id } })
        )
        : [...Map.groupBy(requests, ({ qos }) => qos)].map(([qos, group]) => () =>
          ask(group.map(({ filter }) => filter), { qos })
        );
      return (await run(() => Promise.all(packets.map((send) => send())))).flat();
    },
    async unsubscribe(filters) {
      await run(() => client.unsubscribeAsync([...filters]));
    },
    async close(reason = new BrokerError("Connection closed")) {
      state.cause ??= reason;
      // A polite end waits for answers that may never come, and MQTT.js would then never settle the commands.
      client.end(underWay > 0 || !client.connected);
      const cut = setTimeout(() => client.stream.destroy(), FAREWELL_MS);
      await lost;
      clearTimeout(cut);
    },
  };
}
