/**
 * Puts the gateway together from its configuration, and takes it apart again.
 *
 * @module
 */
import { MQTT_PORT } from "../services/mqtt/settings.ts";
import type { Config } from "../config/settings.ts";
import { EventEncoder } from "../streams/event_encoder.ts";
import { createHandler } from "../gateway/handler.ts";
import { createLimiters } from "../gateway/limits.ts";
import { StreamRegistry } from "../streams/stream_registry.ts";
import { createAdminHandler } from "../http/admin.ts";
import { CHECK_TIMEOUT_MS, Readiness } from "../http/readiness.ts";
import type { BrokerAddress } from "../mqtt/broker.ts";
import { BrokerPool } from "../mqtt/pool.ts";
import { createConnectBroker } from "../mqtt/connect.ts";
import { MemoryHistory } from "../mqtt/hub/memory_history.ts";
import { createAudit } from "../observability/audit.ts";
import { auditLog, type Log } from "../observability/log.ts";
import { createMetrics } from "../observability/metrics.ts";
import { createRefusalTelemetry, RecentRefusals } from "../observability/recent_refusals.ts";
import type { Telemetry } from "../observability/telemetry.ts";
import { createTraced, findTracer } from "../observability/tracing.ts";
import { randomBytes } from "../protocol/bytes.ts";
import { createAddressOf } from "../http/client_address.ts";
import { addressFault } from "../net/egress.ts";
import { createBrokerDirectory } from "../services/mqtt/broker_directory.ts";
import { addressOf, createJeedomService, type JeedomOptions } from "../services/jeedom/service.ts";
import { createJeedomCheck } from "../services/jeedom/health.ts";
import { createMqttService, type Publisher } from "../services/mqtt/service.ts";
import { VERSION } from "../version.ts";
import { openDefaultBroker } from "./default_broker.ts";
import { readGauges } from "./gauges.ts";
import { limitsOf, ratesOf } from "./limits.ts";
import { type HttpListener, listen } from "./listen.ts";
import { localUrl } from "../config/local_url.ts";
import { openJeedomFetch } from "../services/jeedom/open_jeedom.ts";
import { openKeys } from "./keys.ts";
import { openStore } from "./store.ts";
import type { Platform } from "../platform.ts";
import { openPort, PortTakenError } from "./port_taken.ts";
import { readPair } from "../config/setting_files.ts";
import { settledWithin } from "../lib/async.ts";

/** A gateway that serves. */
export interface RunningGateway {
  /** Its address for programs on the same machine. */
  readonly url: string;
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
const KEYS_CLOSE_TIMEOUT_MS = 1000;

/** Longest wait for requests to the port for metrics, in milliseconds. */
const ADMIN_CLOSE_TIMEOUT_MS = 500;

/** Length of the name of the gateway's order of messages, in bytes: never the same one again. */
const EPOCH_BYTES = 8;

/** Longest wait for the farewells to all brokers, in milliseconds: each of them is cut off after half of it. */
const BROKER_CLOSE_TIMEOUT_MS = 2000;

/**
 * Starts the gateway.
 *
 * @throws `KeyFileError`, `PortTakenError`, or the error of a file that cannot be read
 */
export async function startGateway(config: Config, platform: Platform, log: Log): Promise<RunningGateway> {
  const tls = await readPair(
    "TLS",
    { certFile: config.server.tlsCertFile, keyFile: config.server.tlsKeyFile },
    platform,
  );
  // What was opened is let go of in the opposite order: when a later step fails, or at the end.
  await using opened = new AsyncDisposableStack();
  const clocks = { now: () => Date.now(), monotonic: () => performance.now() };
  const metrics = createMetrics({
    levels: () =>
      readGauges({ streams, limiters, history: messages, encoder, brokers, store, keyring, readiness, ...clocks }),
    process: () => platform.process(),
    version: VERSION,
    ...clocks,
  });
  opened.defer(() => metrics.close());
  const tracer = findTracer(VERSION);
  const refusals = new RecentRefusals(clocks.monotonic);
  const telemetry: Telemetry = createRefusalTelemetry(
    tracer === undefined ? metrics : createTraced(metrics, tracer),
    refusals,
  );
  const audit = createAudit({ decisions: auditLog(), log, telemetry, summaryMs: FAILURE_SUMMARY_MS });
  opened.defer(() => audit.close());
  const keys = await openKeys(config, platform, log);
  // A network drive that hangs must not keep the gateway from stopping.
  opened.defer(() => settledWithin(keys.close(), KEYS_CLOSE_TIMEOUT_MS));
  const { keyring } = keys;
  const store = await openStore(config, { log, ...clocks });
  opened.defer(() => store.close());
  const broker = await openDefaultBroker(config, platform, log);
  opened.defer(() => broker.close());
  const encoder = new EventEncoder({ randomBytes });
  const messages = new MemoryHistory({
    epoch: randomBytes(EPOCH_BYTES).toHex(),
    maxBytes: config.streams.resumeBytes,
    // A listener that comes back at the last moment may have been that long behind before, and a minute more.
    maxAgeMs: 2 * config.streams.resumeSeconds * 1000 + 60_000,
  });
  const brokers = new BrokerPool({
    connect: createConnectBroker({
      keepAliveSeconds: config.mqtt.keepaliveSeconds,
      addressFault,
      maxPayloadBytes: config.streams.maxEventBytes,
    }),
    history: messages,
    timeoutMs: config.mqtt.timeoutMs,
    idleMs: config.mqtt.idleSeconds * 1000,
    maxConnections: config.mqtt.maxConnections,
    home: broker.address,
    resumeMs: config.streams.resumeSeconds * 1000,
    backpressure: () => encoder.backpressure(),
    random: draw,
    onFault: (error) => log.error("Streams broke the gateway: {error}", { error }),
    ...clocks,
  });
  const directory = createBrokerDirectory({
    configured: broker.address,
    allowed: config.mqtt.allowedBrokers,
    // Other brokers are reached by plain MQTT, whatever the configured one speaks.
    defaultPort: config.mqtt.protocol === undefined ? config.mqtt.port : MQTT_PORT,
  });
  const client = platform.createHttpClient({ poolIdleTimeout: JEEDOM_POOL_IDLE_MS });
  opened.defer(() => client.close());
  const fetchJeedom = await openJeedomFetch(config.jeedom, {
    files: platform.files,
    fetch: (input, init) => platform.fetch(input, { ...init, client }),
  });
  const closing = new AbortController();
  opened.defer(() => closing.abort());
  const jeedom: JeedomOptions = {
    url: config.jeedom.url,
    apikey: config.jeedom.apikey,
    fetch: fetchJeedom,
    timeoutMs: config.jeedom.timeoutMs,
    longPollMaxSeconds: config.jeedom.longPollMaxSeconds,
    maxResponseBytes: config.jeedom.maxResponseBytes,
    maxPolls: config.jeedom.maxPolls,
    maxPollsPerKey: config.jeedom.maxPollsPerKey,
    log,
    monotonic: clocks.monotonic,
    closeSignal: closing.signal,
  };
  const publisher: Publisher = {
    publish: (address, publication, options) =>
      telemetry.measure("acknowledgement", () => brokers.publish(address, publication, options)),
  };
  const readiness = new Readiness({
    checks: {
      broker: () => brokers.check(broker.address),
      jeedom: createJeedomCheck({ ...jeedom, timeoutMs: Math.min(jeedom.timeoutMs, CHECK_TIMEOUT_MS) }),
      replay_store: () => store.replays.check(),
    },
    needs: [...config.health.needs, "replay_store"],
    isClockWrong: () => store.isAhead(),
    everyMs: config.health.checkSeconds * 1000,
    monotonic: clocks.monotonic,
    log,
  });
  opened.defer(() => readiness.close());
  const streams = new StreamRegistry();
  const limits = limitsOf(config);
  const limiters = createLimiters(limits, clocks);
  const handler = createHandler({
    keyring,
    replays: store.replays,
    rates: ratesOf(config, store.createCounter),
    addressOf: createAddressOf(config.server.trustedProxies, clocks),
    services: { jeedom: createJeedomService(jeedom), mqtt: createMqttService(directory, publisher) },
    directory,
    brokers,
    encoder,
    streams,
    ...clocks,
    randomBytes,
    random: draw,
    audit,
    log,
    telemetry,
    isReady: () => readiness.isReady,
    publicUrl: config.server.publicUrl,
    allowedOrigins: config.server.allowedOrigins,
    version: VERSION,
    limits,
    limiters,
  });
  const operations = listenForOperations(config, platform, {
    handler: createAdminHandler({
      metrics,
      readiness,
      refusals,
      version: VERSION,
      listensOn: config.metrics.host,
      randomBytes,
    }),
    log,
  });
  // Somebody who never ends his request must not keep the gateway from stopping.
  opened.defer(() => operations && settledWithin(operations.shutdown(), ADMIN_CLOSE_TIMEOUT_MS));
  await store.begun();
  const server = openPort(
    "PORT",
    config,
    () => listen(platform, { hostname: config.server.host, port: config.server.port, ...tls }, handler, log),
  );
  const url = localUrl(config.server, server.port);
  log.info("Gateway {version} listens on {host}:{port}, for Jeedom at {jeedom}", {
    version: VERSION,
    host: config.server.host,
    port: server.port,
    jeedom: addressOf(config.jeedom.url, ""),
  });
  if (config.rates.limits === "off") log.warn("RATE_LIMITS=off: nobody is slowed down, whatever comes");
  readiness.start();

  const release = opened.move();
  return {
    url,
    broker: broker.address,
    async stop() {
      log.info("Gateway stops");
      readiness.stop();
      // Ordinary requests go on while the streams end. A server that waits for its end does so for ever, while a stream
      // is open.
      const drained = streams.drain({ withinMs: config.shutdown.drainMs, random: draw }).then(() => server.shutdown());
      await settledWithin(drained, config.shutdown.timeoutMs);
      await settledWithin(brokers.close(), BROKER_CLOSE_TIMEOUT_MS);
      await release.disposeAsync();
      log.info("Gateway stopped");
    },
  };
}

/** Draws from 0 up to but not including 1. */
const draw = () => Math.random();

/** Listens for whoever runs the gateway, unless that is off. */
function listenForOperations(
  config: Config,
  platform: Platform,
  { handler, log }: { readonly handler: (request: Request) => Promise<Response>; readonly log: Log },
): HttpListener | undefined {
  const { host: hostname, port } = config.metrics;
  if (port === "off") return undefined;
  try {
    const server = openPort("METRICS_PORT", config, () => listen(platform, { hostname, port }, handler, log));
    log.info("Metrics and health on {host}:{port}", { host: hostname, port: server.port });
    return server;
  } catch (error) {
    if (error instanceof PortTakenError || !(error instanceof Error)) throw error;
    const message = `Port ${port} of METRICS_HOST "${hostname}" cannot be opened: ${error.message}. Mend one of them`;
    throw new Error(message, { cause: error });
  }
}
