/**
 * Push messages of the gateway: opens their key, sends what waits, and lets rules make alerts.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
import { createHealthAlertSource } from "../http/health_alerts.ts";
import type { Readiness } from "../http/health.ts";
import { KeysCipher, VAPID_PURPOSE } from "../keys/keys_cipher.ts";
import type { LiveKeyring } from "../keys/keyring.ts";
import { SYSTEM_CLOCK } from "../lib/clock.ts";
import { errorText } from "../lib/errors.ts";
import { settledWithin } from "../lib/async.ts";
import type { Log } from "../observability/log.ts";
import type { MetricRegistry } from "../observability/telemetry.ts";
import type { Platform } from "../platform.ts";
import { type Bytes, randomBytes } from "../protocol/bytes.ts";
import { AlertEngine, type AlertParts } from "../push/alert_engine.ts";
import { BROWSER_PUSH_HOSTS } from "../push/endpoint.ts";
import type { Push } from "../push/push.ts";
import { PushCounts, registerQueueGauges } from "../push/push_counts.ts";
import { type PushStatus, readPushStatus } from "../push/push_status.ts";
import { PushSender } from "../push/sender.ts";
import { VapidTokens } from "../push/vapid.ts";
import type { VapidKey } from "../push/vapid_key.ts";
import { VapidRegistration } from "../push/vapid_registration.ts";
import { loadOrCreateVapidKey, vapidKeyFileOf } from "../push/vapid_key_file.ts";
import type { Service, ServiceModule } from "../services/service.ts";
import type { StateStore } from "../store/state/state_store.ts";
import { warnOfMode } from "./key_file_mode.ts";

/** Parts that push messages are opened with. */
export interface PushOptions {
  /** Keys of the gateway. */
  readonly keyring: LiveKeyring;
  /** Key that encrypts the VAPID key in Redis, where the keys are there as well; undefined with `KEYS_REDIS=off`. */
  readonly masterKey: Bytes | undefined;
  /** Durable state. */
  readonly state: StateStore;
  /** Registry for the counts and gauges. */
  readonly metrics: MetricRegistry;
  /** Logger. */
  readonly log: Log;
}

/** Parts that exist later. */
export interface PushStart {
  /** The services, whose events alerts are about. */
  readonly services: readonly Service[];
  /** Modules of the services. */
  readonly modules: readonly Pick<ServiceModule, "name" | "dependency">[];
  /** Health of what the gateway depends on. */
  readonly readiness: Readiness;
}

/** Push messages that are open. */
export interface OpenPush {
  /** Push messages as requests use them. */
  readonly push: Push;
  /** Reads the state, for the operator. */
  status(): Promise<PushStatus>;
  /** Begins to listen and to send, unless `PUSH` is off. */
  start(parts: PushStart): Promise<void>;
  /** Stops. What waits stays in the store. */
  stop(): Promise<void>;
}

/** Longest wait for the rules' states and for answers of push services at the end, in milliseconds. */
const STOP_TIMEOUT_MS = 3000;

/** Reason for which nothing is sent with `PUSH=off`. */
const TURNED_OFF = "Push messages are turned off: on the gateway, set PUSH=on";

/** Reason for which nothing is sent without a key. */
const WITHOUT_KEY = "Push messages cannot be sent: the log of the gateway says why";

/** Opens push messages. A key file that cannot be used stops only them, and is reported now. */
export async function openPush(
  config: Config,
  platform: Platform,
  { keyring, masterKey, state, metrics, log }: PushOptions,
): Promise<OpenPush> {
  const { push: settings, server } = config;
  const registration = settings.delivery === "on"
    ? await openKey(config, platform, { masterKey, state, log })
    : undefined;
  let sender: PushSender | undefined;
  const stopping = new AbortController();
  const counts = new PushCounts();
  counts.register(metrics);
  // What waits from before PUSH=off is not stuck.
  if (settings.delivery === "on") registerQueueGauges(metrics, { store: state, now: SYSTEM_CLOCK.now });
  const engine = new AlertEngine({
    ...{ store: state, keys: keyring, telemetry: counts, clock: SYSTEM_CLOCK, random: Math.random, randomBytes, log },
    onQueued: () => sender?.wake(),
  });
  const openSender = (key: VapidKey) =>
    new PushSender({
      ...{ store: state, telemetry: counts, clock: SYSTEM_CLOCK, random: Math.random, randomBytes, log },
      network: platform,
      tokens: new VapidTokens(key, subjectOf(settings.subject, server.publicUrl)),
      allowedHosts: settings.allowedHosts,
      isInForce: (subscription) => engine.isInForce(subscription),
    });
  return {
    push: {
      get fault() {
        return registration === undefined ? settings.delivery === "on" ? WITHOUT_KEY : TURNED_OFF : registration.fault;
      },
      get publicKey() {
        return registration?.key?.publicKey;
      },
      allowedHosts: [...BROWSER_PUSH_HOSTS, ...settings.allowedHosts],
      ...{ maxPerKey: settings.maxPerKey, maxRulesPerKey: settings.maxRulesPerKey, store: state },
      sourcesOf: (scope) => engine.sourcesOf(scope),
      authorize: (rule, scope) => engine.authorize(rule, scope),
      refresh: () => engine.refresh(),
      sendTest: (subscription) => engine.sendTest(subscription),
      async removeSubscription(id) {
        const waited = await state.removeSubscription(id);
        counts.dropped("removed", waited ?? 0);
        return waited !== undefined;
      },
    },
    status: () => readPushStatus(state, { enabled: registration?.key !== undefined, now: Date.now() }),
    async start(parts) {
      if (registration === undefined) return;
      const start = async () => {
        const { key } = registration;
        if (key === undefined || stopping.signal.aborted) return;
        sender = openSender(key);
        await engine.start(alertParts(parts));
        if (!stopping.signal.aborted) sender.start();
      };
      // A store that cannot be reached does not keep the gateway from starting.
      await registration.register().then(start, () => {
        registration.untilRegistered(stopping.signal).then(start);
      });
    },
    async stop() {
      stopping.abort();
      if (sender === undefined) return;
      await settledWithin(Promise.all([engine.stop(), sender.stop()]), STOP_TIMEOUT_MS);
    },
  };
}

/** Opens the key of this gateway, which is not registered yet; undefined if it cannot be used. */
async function openKey(
  config: Config,
  { files }: Platform,
  { masterKey, state, log }: Pick<PushOptions, "masterKey" | "state" | "log">,
): Promise<VapidRegistration | undefined> {
  const { secretKeyFile, fileMode: mode } = config.keys;
  const file = vapidKeyFileOf(secretKeyFile);
  try {
    const { created, tightened, ...own } = await loadOrCreateVapidKey(file, { files, random: randomBytes, mode });
    if (created) log.info("VAPID key for push messages is made: {file}", { file });
    if (tightened) warnOfMode(file, log);
    const cipher = masterKey && new KeysCipher(masterKey, randomBytes, VAPID_PURPOSE);
    return new VapidRegistration({ own, cipher, file, store: state, random: Math.random, log });
  } catch (error) {
    log.error("No push messages are sent: {reason}", { reason: errorText(error) });
    return undefined;
  }
}

/** Returns the address of the operator for push services; one that belongs to no operator (RFC 2606) where no setting names it. */
function subjectOf(subject: string | undefined, publicUrl: URL | undefined): string {
  if (subject !== undefined) return subject;
  return publicUrl?.protocol === "https:" ? publicUrl.href : "mailto:operator@gateway.example";
}

function alertParts({ services, modules, readiness }: PushStart): AlertParts {
  const dependent = modules.filter(({ dependency }) => dependency !== undefined);
  const health = createHealthAlertSource({
    readiness,
    services: Map.groupBy(dependent, ({ dependency = "" }) => dependency),
  });
  return {
    sources: [...services.flatMap(({ alertSource }) => alertSource ?? []), health],
    actionLabel: (name, scope) => services.find((one) => one.actionLabel !== undefined)?.actionLabel?.(name, scope),
  };
}
