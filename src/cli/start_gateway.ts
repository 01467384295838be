/**
 * Puts the gateway together from its configuration, and takes it apart again.
 *
 * @module
 */
import type { Config } from "../config.ts";
import { createHandler } from "../gateway/handler.ts";
import { OpenStreams } from "../gateway/open_streams.ts";
import { EventSealer } from "../gateway/event_sealer.ts";
import type { BrokerAddress } from "../mqtt/broker.ts";
import { BrokerPool } from "../mqtt/broker_pool.ts";
import { createConnectBroker } from "../mqtt/connection.ts";
import { MessageLog } from "../mqtt/message_log.ts";
import { createAudit } from "../observability/audit.ts";
import { auditLog, type Log } from "../observability/log.ts";
import { type Bytes, randomBytes } from "../protocol/bytes.ts";
import { createAddressOf } from "../security/client_address.ts";
import { addressFault } from "../security/egress.ts";
import { createRateLimits, NO_RATE_LIMITS, type RateLimits } from "../security/rate_limits.ts";
import type { MakeCounter } from "../security/rate_limiter.ts";
import { createBrokerDirectory } from "../services/broker_directory.ts";
import { createJeedomService } from "../services/jeedom.ts";
import { createMqttService } from "../services/mqtt.ts";
import { VERSION } from "../version.ts";
import { openDefaultBroker } from "./default_broker.ts";
import { listen } from "./listen.ts";
import { localUrl } from "./local_url.ts";
import { openKeys } from "./open_keys.ts";
import { openStore } from "./open_store.ts";
import type { Platform } from "./platform.ts";

/** A gateway that serves. */
export interface RunningGateway {
  /** Its address for programs on the same machine. */
  readonly url: string;
  /** The single key of `SECRET_KEY_FILE`, 32 bytes; undefined where there are only others. */
  readonly secret: Bytes | undefined;
  /** The default broker. */
  readonly broker: BrokerAddress;
  /** Ends streams and connections, lets running requests finish, and stops. */
  stop(): Promise<void>;
}

/** Jeedom's web server closes a connection after 5 s of silence: let go of it before, in milliseconds. */
const JEEDOM_POOL_IDLE_MS = 4000;

/** How often it is told who failed to prove a key, in milliseconds. */
const FAILURE_SUMMARY_MS = 60_000;

/** Longest wait for a look at the files of keys that is under way, in milliseconds. */
const KEYS_FAREWELL_MS = 1000;

/** Length of the name of the gateway's order of messages, in bytes: never the same one again. */
const EPOCH_BYTES = 8;

/** Longest wait for the farewells to all brokers, in milliseconds: each of them is cut off after half of it. */
const BROKER_FAREWELL_MS = 2000;

/**
 * Starts the gateway.
 *
 * @throws `KeyFileError`, or the error of a port that is taken or a file that cannot be read
 */
export async function startGateway(config: Config, platform: Platform, log: Log): Promise<RunningGateway> {
  const tls = await readTls(config, platform);
  // What was opened is let go of in the opposite order: when a later step fails, or at the end.
  await using opened = new AsyncDisposableStack();
  const audit = createAudit({ decisions: auditLog(), log, summaryMs: FAILURE_SUMMARY_MS });
  opened.defer(() => audit.close());
  const keys = await openKeys(config, platform, log);
  // A network drive that hangs must not keep the gateway from stopping.
  opened.defer(() => settledWithin(keys.close(), KEYS_FAREWELL_MS));
  const store = await openStore(config, log);
  opened.defer(() => store.close());
  const broker = await openDefaultBroker(config, platform, log);
  opened.defer(() => broker.close());
  const clocks = { now: () => Date.now(), monotonic: () => performance.now() };
  const sealer = new EventSealer({ random: randomBytes });
  const brokers = new BrokerPool({
    connect: createConnectBroker({ keepAliveSeconds: config.MQTT_KEEPALIVE_SECONDS, addressFault }),
    log: new MessageLog({ epoch: randomBytes(EPOCH_BYTES).toHex(), maxBytes: config.RESUME_BYTES }),
    timeoutMs: config.MQTT_TIMEOUT_MS,
    idleMs: config.MQTT_IDLE_SECONDS * 1000,
    maxConnections: config.MQTT_MAX_CONNECTIONS,
    resumeMs: config.RESUME_SECONDS * 1000,
    pressure: () => sealer.pressure(),
    random: () => Math.random(),
    onFault: (error) => log.error("Streams broke the gateway: {error}", { error }),
    ...clocks,
  });
  const directory = createBrokerDirectory({
    configured: broker.address,
    allowed: config.MQTT_ALLOWED_BROKERS,
    defaultPort: config.MQTT_BROKER_PORT,
  });
  const client = platform.createHttpClient({ poolIdleTimeout: JEEDOM_POOL_IDLE_MS });
  opened.defer(() => client.close());
  const streams = new OpenStreams();
  const handler = createHandler({
    keyring: keys.keyring,
    replays: store.replays,
    rates: rateLimits(config, store.makeCounter),
    addressOf: createAddressOf(config.TRUSTED_PROXIES),
    services: {
      jeedom: createJeedomService({
        url: config.JEEDOM_URL,
        apikey: config.JEEDOM_APIKEY,
        fetch: (input, init) => platform.fetch(input, { ...init, client }),
        timeoutMs: config.JEEDOM_TIMEOUT_MS,
        longPollMaxSeconds: config.JEEDOM_LONG_POLL_MAX_SECONDS,
        maxResponseBytes: config.JEEDOM_MAX_RESPONSE_BYTES,
      }),
      mqtt: createMqttService(directory, brokers),
    },
    directory,
    brokers,
    sealer,
    streams,
    ...clocks,
    random: randomBytes,
    audit,
    log,
    version: VERSION,
    limits: {
      maxBodies: config.MAX_BODIES,
      maxRequests: config.MAX_REQUESTS,
      maxRequestsPerAddress: config.MAX_REQUESTS_PER_ADDRESS,
      maxRequestsPerKey: config.MAX_REQUESTS_PER_KEY,
      maxStreams: config.MAX_STREAMS,
      maxStreamsPerKey: config.MAX_STREAMS_PER_KEY,
      maxAgeSeconds: config.MAX_AGE_SECONDS,
      maxBodyBytes: config.MAX_BODY_BYTES,
      bodyTimeoutMs: config.BODY_TIMEOUT_MS,
      maxQueueBytes: config.LISTENER_QUEUE_BYTES,
      maxBacklogBytes: config.BACKLOG_BYTES,
      maxEventBytes: config.MAX_EVENT_BYTES,
      patienceMs: config.LISTENER_PATIENCE_MS,
      keepAliveMs: config.STREAM_KEEPALIVE_SECONDS * 1000,
    },
  });
  const server = listen(platform, { hostname: config.HOST, port: config.PORT, ...tls }, handler, log);
  const url = localUrl(config, server.port);
  log.info("Gateway {version} listens on {host}:{port}, for Jeedom at {jeedom}", {
    version: VERSION,
    host: config.HOST,
    port: server.port,
    jeedom: config.JEEDOM_URL.origin,
  });
  if (config.RATE_LIMITS === "off") log.warn("RATE_LIMITS=off: nobody is slowed down, whatever comes");

  const release = opened.move();
  return {
    url,
    secret: keys.single,
    broker: broker.address,
    async stop() {
      log.info("Gateway stops");
      // Never settles while a stream is open, so both at once; new connections are refused from here on.
      const drained = server.shutdown();
      streams.shutDown("Gateway is shutting down");
      await settledWithin(drained, config.SHUTDOWN_TIMEOUT_MS);
      await settledWithin(brokers.close(), BROKER_FAREWELL_MS);
      await release.disposeAsync();
      log.info("Gateway stopped");
    },
  };
}

function rateLimits(config: Config, makeCounter: MakeCounter): RateLimits {
  if (config.RATE_LIMITS === "off") return NO_RATE_LIMITS;
  return createRateLimits({
    address: { burst: config.ADDRESS_BURST, perSecond: config.ADDRESS_RATE },
    failed: { burst: config.FAILED_BURST, perSecond: config.FAILED_RATE },
    key: { burst: config.KEY_BURST, perSecond: config.KEY_RATE },
    makeCounter,
  });
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
