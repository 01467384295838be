/**
 * Puts the gateway together from its configuration, and takes it apart again.
 *
 * @module
 */
import type { Config } from "../config.ts";
import type { EventStream } from "../gateway/event_stream.ts";
import { createHandler } from "../gateway/handler.ts";
import type { BrokerAddress } from "../mqtt/broker.ts";
import { createConnectBroker } from "../mqtt/connection.ts";
import { createPublisher } from "../mqtt/publisher.ts";
import type { Log } from "../observability/log.ts";
import { type Bytes, randomBytes } from "../protocol/envelope.ts";
import { type LoadedKey, loadOrCreateKey } from "../security/key_file.ts";
import { createKeyring } from "../security/keyring.ts";
import { createMemoryReplayStore } from "../security/replay_store.ts";
import { createBrokerDirectory } from "../services/broker_directory.ts";
import { createJeedomService } from "../services/jeedom.ts";
import { createMqttService } from "../services/mqtt.ts";
import { VERSION } from "../version.ts";
import { openDefaultBroker } from "./default_broker.ts";
import { listen, type Listening } from "./listen.ts";
import { localUrl } from "./local_url.ts";
import type { Platform } from "./platform.ts";

/** A gateway that serves. */
export interface RunningGateway {
  /** Its address for programs on the same machine. */
  readonly url: string;
  /** The secret key, 32 bytes. */
  readonly secret: Bytes;
  /** The default broker. */
  readonly broker: BrokerAddress;
  /** Ends streams and connections, lets running requests finish, and stops. */
  stop(): Promise<void>;
}

/** Jeedom's web server closes a connection after 5 s of silence: let go of it before, in milliseconds. */
const JEEDOM_POOL_IDLE_MS = 4000;

/** Longest wait for the farewells to all brokers, in milliseconds: each of them is cut off after half of it. */
const BROKER_FAREWELL_MS = 2000;

/**
 * Starts the gateway.
 *
 * @throws `KeyFileError`, or the error of a port that is taken or a file that cannot be read
 */
export async function startGateway(config: Config, platform: Platform, log: Log): Promise<RunningGateway> {
  const loaded = await loadOrCreateKey(config.SECRET_KEY_FILE, {
    files: platform.files,
    random: randomBytes,
    mode: config.KEY_FILE_MODE,
  });
  announceKey(loaded, config.SECRET_KEY_FILE, platform, log);
  const tls = await readTls(config, platform);

  const broker = await openDefaultBroker(config, platform, log);
  const connect = createConnectBroker(config.MQTT_KEEPALIVE_SECONDS);
  const publisher = createPublisher({
    connect,
    timeoutMs: config.MQTT_TIMEOUT_MS,
    idleMs: config.MQTT_IDLE_SECONDS * 1000,
    maxConnections: config.MQTT_MAX_CONNECTIONS,
  });
  const directory = createBrokerDirectory({
    configured: broker.address,
    allowed: config.MQTT_ALLOWED_BROKERS,
    defaultPort: config.MQTT_BROKER_PORT,
  });
  const client = platform.createHttpClient({ poolIdleTimeout: JEEDOM_POOL_IDLE_MS });
  const streams = new Set<EventStream>();
  const handler = createHandler({
    keyring: await createKeyring(loaded.secret),
    replays: createMemoryReplayStore({
      seconds: 2 * config.MAX_AGE_SECONDS,
      maxBytes: config.REPLAY_MEMORY_BYTES,
      monotonic: () => performance.now(),
    }),
    services: {
      jeedom: createJeedomService({
        url: config.JEEDOM_URL,
        apikey: config.JEEDOM_APIKEY,
        fetch: (input, init) => platform.fetch(input, { ...init, client }),
        timeoutMs: config.JEEDOM_TIMEOUT_MS,
        longPollMaxSeconds: config.JEEDOM_LONG_POLL_MAX_SECONDS,
        maxResponseBytes: config.JEEDOM_MAX_RESPONSE_BYTES,
      }),
      mqtt: createMqttService(directory, publisher),
    },
    directory,
    connect,
    streams,
    now: () => Date.now(),
    random: randomBytes,
    log,
    version: VERSION,
    limits: {
      maxAgeSeconds: config.MAX_AGE_SECONDS,
      maxBodyBytes: config.MAX_BODY_BYTES,
      bodyTimeoutMs: config.BODY_TIMEOUT_MS,
      brokerTimeoutMs: config.MQTT_TIMEOUT_MS,
      maxQueueBytes: config.LISTENER_QUEUE_BYTES,
      maxEventBytes: config.MAX_EVENT_BYTES,
      patienceMs: config.LISTENER_PATIENCE_MS,
      keepAliveMs: config.STREAM_KEEPALIVE_SECONDS * 1000,
    },
  });
  let server: Listening;
  try {
    server = listen(platform, { hostname: config.HOST, port: config.PORT, ...tls }, handler, log);
  } catch (error) {
    client.close();
    await broker.close();
    throw error;
  }
  const url = localUrl(config, server.port);
  log.info("Gateway {version} listens on {host}:{port}, for Jeedom at {jeedom}", {
    version: VERSION,
    host: config.HOST,
    port: server.port,
    jeedom: config.JEEDOM_URL.origin,
  });

  return {
    url,
    secret: loaded.secret,
    broker: broker.address,
    async stop() {
      log.info("Gateway stops");
      // Never settles while a stream is open, so both at once; new connections are refused from here on.
      const drained = server.shutdown();
      for (const stream of [...streams]) stream.end("disconnected", "Gateway is shutting down");
      await settledWithin(drained, config.SHUTDOWN_TIMEOUT_MS);
      await settledWithin(publisher.close(), BROKER_FAREWELL_MS);
      client.close();
      await broker.close();
      log.info("Gateway stopped");
    },
  };
}

/** Shows a new key to the person at the console, and only there: the log never holds it. */
function announceKey({ secret, created, tightened }: LoadedKey, path: string, platform: Platform, log: Log): void {
  if (tightened) log.warn("Key file {path} could be read by others: its mode is 0600 now", { path });
  if (!created) return;
  const line = "=".repeat(80);
  platform.print(
    [
      line,
      "NEW SECRET KEY GENERATED!",
      line,
      `Secret key: ${secret.toHex()}`,
      `Saved to: ${path}`,
      line,
      "Please update your client with this secret key.",
      line,
    ].join("\n"),
  );
}

async function readTls(config: Config, { files }: Platform): Promise<{ cert: string; key: string } | undefined> {
  if (config.TLS_CERT_FILE === undefined || config.TLS_KEY_FILE === undefined) return undefined;
  return { cert: await files.readTextFile(config.TLS_CERT_FILE), key: await files.readTextFile(config.TLS_KEY_FILE) };
}

async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
