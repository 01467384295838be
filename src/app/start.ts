/**
 * Assembles the gateway from its configuration, and takes it apart again.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
import { createEventEncoder } from "../streams/event_encoder.ts";
import { createHandler } from "../gateway/handler.ts";
import { Deadlines } from "../lib/deadlines.ts";
import { createLimiters, registerLimiterGauges } from "../gateway/limiters.ts";
import { PairingKeyring } from "../gateway/pairing_keyring.ts";
import { createPairingService } from "../gateway/pairing_service.ts";
import { createStreamRegistry } from "../streams/stream_registry.ts";
import { createAdminHandler } from "../http/admin.ts";
import { filesFor } from "../http/console.ts";
import { CHECK_TIMEOUT_MS, type DependencyCheck, Readiness, registerReadinessGauges } from "../http/health.ts";
import { SYSTEM_CLOCK } from "../lib/clock.ts";
import { type BrokerAddress, BrokerError } from "../mqtt/broker.ts";
import { createAudit } from "../observability/audit.ts";
import { createUseAudit, KeyUses } from "../observability/key_uses.ts";
import { type Log, SILENT_LOG } from "../observability/log.ts";
import { createMetrics, type Metrics } from "../observability/metrics.ts";
import { registerProcessMetrics } from "../observability/process.ts";
import { createRefusalTelemetry, RecentRefusals } from "../observability/recent_refusals.ts";
import type { MetricRegistry, Telemetry } from "../observability/telemetry.ts";
import { createTraced, findTracer } from "../observability/tracing.ts";
import { randomBytes } from "../protocol/bytes.ts";
import { createAddressOf } from "../http/client_address.ts";
import { OPEN_SERVICES, SERVICES } from "../services/registry.ts";
import {
  type CreatedService,
  isStreaming,
  type OpenServiceModule,
  type Service,
  type ServiceDependencies,
  type ServiceModule,
} from "../services/service.ts";
import { VERSION } from "../version.ts";
import { openAdmin } from "./admin.ts";
import { openConsole } from "./console.ts";
import { openCoolDowns } from "./cool_downs.ts";
import { openDefaultBroker } from "./default_broker.ts";
import { rateLimitsOf } from "../limits/rate_limits.ts";
import { createImportSecretKey } from "../keys/node_crypto.ts";
import { allRights } from "../keys/rights.ts";
import { listen, listenForAdmin, openPort } from "./listen.ts";
import { localUrl } from "../net/host.ts";
import { openKeyStore, readMasterKey } from "./key_store.ts";
import { openKeys } from "./keys.ts";
import { openPush } from "./push.ts";
import { openSharedLogs } from "./replica.ts";
import { openRedisServer } from "./redis.ts";
import { openServicesFile } from "./services_file.ts";
import { openState } from "./state.ts";
import { type OpenStore, openStore } from "./store.ts";
import type { Platform } from "../platform.ts";
import { readPair } from "../config/setting_files.ts";
import { settledWithin } from "../lib/async.ts";
import { errorText } from "../lib/errors.ts";

/** A running gateway. */
export interface RunningGateway {
  /** Its URL for programs on the same machine. */
  readonly url: string;
  /** The default broker. */
  readonly broker: BrokerAddress;
  /** Ends streams and connections, lets running requests finish, and stops. */
  stop(): Promise<void>;
}

/** Clocks, log and metrics, which most parts need. */
interface Instruments {
  /** Wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Monotonic clock, in milliseconds. */
  readonly monotonic: () => number;
  /** Log of the gateway. */
  readonly log: Log;
  /** Registry for the gauges of each part. */
  readonly metrics: MetricRegistry;
}

/** Interval of the summary of failed requests in the log, in milliseconds. */
const FAILURE_SUMMARY_MS = 60_000;

/** Longest wait for reading the key files or the services file at the end, in milliseconds. */
const FILES_CLOSE_TIMEOUT_MS = 1000;

/** Longest wait for requests to the metrics port at the end, in milliseconds. */
const ADMIN_CLOSE_TIMEOUT_MS = 500;

/** Longest wait for the services to close their connections at the end, in milliseconds. */
const SERVICES_CLOSE_TIMEOUT_MS = 2000;

/** Options of a start. */
export interface StartOptions {
  /** The services; those of the registry by default. */
  readonly modules?: readonly ServiceModule[];
  /** Log of decisions about requests; none by default. */
  readonly decisions?: Pick<Log, "info">;
  /** Masks further secrets in the log: those of the services file. */
  readonly hide?: (secrets: readonly string[]) => void;
  /** Time of `performance.now()` from which on no earlier process takes requests; now by default. */
  readonly aloneSince?: number;
  /** Settles when the program is to end, also during the start. */
  readonly stopped?: Promise<unknown>;
}

/**
 * Starts the gateway.
 *
 * @throws `KeyFileError`, `ConfigError` for the services file, `PortTakenError`, or the error of a file that cannot be read
 */
export async function startGateway(
  config: Config,
  platform: Platform,
  log: Log,
  { modules = SERVICES, decisions = SILENT_LOG, hide = () => {}, aloneSince, stopped }: StartOptions = {},
): Promise<RunningGateway> {
  const tls = await readPair(
    "TLS",
    { certFile: config.server.tlsCertFile, keyFile: config.server.tlsKeyFile },
    platform,
  );
  // Closed in reverse order: when a later step fails, or at the end.
  await using opened = new AsyncDisposableStack();
  const now = () => Date.now();
  const monotonic = () => performance.now();

  const metrics = createMetrics({ version: VERSION, monotonic });
  opened.defer(registerProcessMetrics(metrics, { process: () => platform.process(), monotonic }));
  const refusals = new RecentRefusals(monotonic);
  const telemetry = createTelemetry(metrics, refusals);
  const uses = new KeyUses(now);
  const audit = createUseAudit(
    createAudit({ decisions, log, telemetry, summaryMs: FAILURE_SUMMARY_MS }),
    uses,
  );
  opened.defer(() => audit.close());
  const instruments = { now, monotonic, log, metrics };
  const deadlines = new Deadlines(SYSTEM_CLOCK);
  opened.defer(deadlines.keepTimer());

  const servicesFile = await openServicesFile(config, platform, { log, metrics, services: modules, hide });
  // A network drive that hangs must not keep the gateway from stopping.
  opened.defer(() => settledWithin(servicesFile.close(), FILES_CLOSE_TIMEOUT_MS));
  const redis = await openRedisServer(config, platform, log);
  opened.defer(() => redis?.close());
  const { files } = platform;
  const masterKey = await readMasterKey(config, { files, log });
  const keyStore = await openKeyStore(config, { files, services: modules, server: redis, masterKey, log });
  const keys = await openKeys(config, platform, { log, metrics, services: modules, store: keyStore, stopped });
  opened.defer(() => settledWithin(keys.close(), FILES_CLOSE_TIMEOUT_MS));
  const store = await openStore(config, {
    ...instruments,
    redis,
    files: platform.files,
    aloneSince,
    newKeyId: keys.newKeyId,
    kids: () => keys.keyring.kids,
  });
  opened.defer(() => store.close());
  const broker = await openDefaultBroker(config, platform, log);
  opened.defer(() => broker.close());

  const state = await openState(config, platform, { redis, log, movesFile: true });
  opened.defer(() => state.close());
  if (redis === undefined) {
    // A file that cannot be used stops only what needs it, and is reported now. Redis is a dependency.
    state.check().catch((error) =>
      log.error("Pairing, push, and requests whose uses are counted, fail: {reason}", { reason: errorText(error) })
    );
  }
  const push = await openPush(config, platform, { keyring: keys.keyring, masterKey, state, metrics, log });
  opened.defer(() => push.stop());
  const encoder = createEventEncoder({ randomBytes, clock: SYSTEM_CLOCK, metrics });
  const logs = await openSharedLogs(config, { redis, broker: broker.address, encoder, log, metrics, deadlines });
  opened.defer(() => logs?.close(new BrokerError("Gateway is shutting down")));
  const replica = logs?.defaultHub;
  const { services, checks, closeServices } = await createServices([...modules, ...OPEN_SERVICES], metrics, {
    config,
    sections: servicesFile.sections,
    state,
    coolDowns: await openCoolDowns(redis, monotonic),
    allRights: allRights(modules),
    push: push.push,
    keys: { find: (kid) => keys.keyring.find(kid), edit: keys.edit },
    modules,
    version: VERSION,
    platform,
    broker: broker.address,
    sharedHubs: logs,
    encoder,
    maxEventBytes: config.streams.maxEventBytes,
    checkTimeoutMs: CHECK_TIMEOUT_MS,
    log,
    telemetry,
    metrics,
    now,
    monotonic,
    deadlines,
    random: Math.random,
    randomBytes,
    resources: opened,
  });
  const readiness = createReadiness(
    config,
    instruments,
    {
      ...checks,
      replay_store: () => store.replays.check(),
      ...redis !== undefined && { state: () => state.check() },
      ...config.keys.redis === "on" && { keys: keys.check },
      ...replica !== undefined && { event_log: () => replica.check() },
    },
    store,
  );
  opened.defer(() => readiness.close());

  await push.start({ services, modules, readiness });

  const streams = createStreamRegistry(metrics);
  const limiters = createLimiters({
    requests: config.requests,
    streams: config.streams,
    maxAnswerBytes: Math.max(...modules.map((module) => module.maxAnswerBytes(config))),
  }, { monotonic, deadlines });
  registerLimiterGauges(metrics, limiters);
  const page = await openConsole(config, platform, log);
  const handler = createHandler({
    addressOf: createAddressOf(config.server.trustedProxies, { monotonic }),
    origins: config.server,
    access: {
      keyring: keys.keyring,
      replays: store.replays,
      rates: rateLimitsOf(config.rates, store.createCounter),
      replay: config.replay,
    },
    pairing: {
      keyring: new PairingKeyring({
        pairings: state,
        now,
        random: randomBytes,
        importSecretKey: createImportSecretKey(config.keys.aead),
        log,
      }),
      service: createPairingService({
        pairings: state,
        editKeys: keys.edit,
        services: modules,
        // A request may be repeated for so long, by the clock of its sender.
        keepUsedMs: 2 * config.replay.maxAgeSeconds * 1000,
        now,
        log,
      }),
    },
    services,
    subscriptions: { encoder, streams, settings: config.streams },
    limiters,
    health: { version: VERSION, isReady: () => readiness.isReady },
    page: page && filesFor("public", page),
    clock: { now, monotonic },
    randomBytes,
    random: Math.random,
    audit,
    log,
    telemetry,
  });
  const adminHandler = createAdminHandler({
    metrics,
    readiness,
    refusals,
    push: () => push.status(),
    admin: openAdmin(config, {
      platform,
      page,
      keys,
      pairings: state,
      uses,
      findService: (name) => services.find((service) => service.name === name),
      services: modules,
      sections: servicesFile.sections,
      now,
      log,
    }),
    version: VERSION,
    listensOn: config.metrics.host,
    randomBytes,
    log,
  });
  const admin = listenForAdmin(config, platform, { handler: adminHandler, log });
  // A client that never completes its request must not keep the gateway from stopping.
  opened.defer(() => admin && settledWithin(admin.shutdown(), ADMIN_CLOSE_TIMEOUT_MS));
  await store.begun();
  const server = openPort(
    "PORT",
    config,
    () => listen(platform, { hostname: config.server.host, port: config.server.port, ...tls }, handler, log),
  );
  const startTexts = modules.flatMap((module) => module.startText?.(config) ?? []);
  log.info(["Gateway {version} listens on {host}:{port}", ...startTexts.map(({ template }) => template)].join(", "), {
    version: VERSION,
    host: config.server.host,
    port: server.port,
    ...Object.fromEntries(startTexts.flatMap(({ fields }) => Object.entries(fields))),
  });
  if (config.rates.limits === "off") log.warn("RATE_LIMITS=off: rate limiting is disabled");
  readiness.start();

  const running = opened.move();
  return {
    url: localUrl(config.server, server.port),
    broker: broker.address,
    async stop() {
      log.info("Gateway stops");
      readiness.stop();
      // Requests are still answered while the streams end; a server shuts down only after its last stream.
      const draining = { withinMs: config.shutdown.drainMs, random: Math.random, hasReplicas: replica !== undefined };
      const drained = streams.drain(draining).then(async () => {
        // Before the port is free: the next gateway must find all that this one ran.
        await store.end();
        await server.shutdown();
      });
      await settledWithin(drained, config.shutdown.timeoutMs);
      await push.stop();
      await settledWithin(closeServices(), SERVICES_CLOSE_TIMEOUT_MS);
      await running.disposeAsync();
      log.info("Gateway stopped");
    },
  };
}

/** Creates telemetry that feeds metrics, the recent refusals and, if enabled, OpenTelemetry. */
function createTelemetry(metrics: Metrics, refusals: RecentRefusals): Telemetry {
  const tracer = findTracer(VERSION);
  return createRefusalTelemetry(tracer === undefined ? metrics : createTraced(metrics, tracer), refusals);
}

/** The services, with the check of each dependency by its name. */
interface CreatedServices {
  readonly services: readonly Service[];
  readonly checks: Readonly<Record<string, DependencyCheck>>;
  /** Closes the connections of all. */
  closeServices(): Promise<unknown>;
}

async function createServices(
  modules: readonly (OpenServiceModule & Partial<Pick<ServiceModule, "dependency">>)[],
  metrics: Metrics,
  dependencies: Omit<ServiceDependencies, "findService">,
): Promise<CreatedServices> {
  const created: CreatedService[] = [];
  const findService = (name: string) => created.find(({ service }) => service.name === name)?.service;
  const checks: Record<string, DependencyCheck> = {};
  for (const module of modules) {
    const one = await module.create({ ...dependencies, findService });
    const { service, check } = one;
    metrics.addService({ name: service.name, hasSubscriptions: isStreaming(service), aliases: service.aliases });
    created.push(one);
    if (module.dependency !== undefined && check !== undefined) checks[module.dependency] = check;
  }
  return {
    services: created.map(({ service }) => service),
    checks,
    closeServices: () => Promise.allSettled(created.map((one) => one.close?.())),
  };
}

function createReadiness(
  config: Config,
  { monotonic, log, metrics }: Instruments,
  checks: Readonly<Record<string, DependencyCheck>>,
  store: OpenStore,
): Readiness {
  const readiness = new Readiness({
    checks,
    needs: [...config.health.needs, "replay_store", "keys", "event_log"],
    isClockWrong: () => store.isAhead(),
    everyMs: config.health.checkSeconds * 1000,
    monotonic,
    log,
  });
  registerReadinessGauges(metrics, readiness);
  return readiness;
}
