/**
 * The push service: subscriptions of devices, rules, tests and recent alerts of the key of a request.
 *
 * @module
 */
import { tryParseJson } from "../../lib/json.ts";
import { ALERT_INTERVAL_MS } from "../../push/alert_rate.ts";
import { fieldFault } from "../../push/field_fault.ts";
import type { AlertRule } from "../../push/rules/rule.ts";
import { parseSubscription } from "../../push/subscription.ts";
import type { PushOwner, StoredSubscription } from "../../store/state/push_store.ts";
import {
  type Reply,
  revokedError,
  type Service,
  type ServiceContext,
  type ServiceDependencies,
  ServiceError,
} from "../service.ts";
import { operationName, parseOperation, type PushOperation } from "./request.ts";

/** Name of the service. */
export const PUSH = "push";

/** Parts of the service. */
export type PushServiceOptions = Pick<ServiceDependencies, "push" | "keys" | "now" | "randomBytes" | "log">;

/** Length of the id of a subscription, in bytes. */
const ID_BYTES = 8;

/** Makes the service. */
export function createPushService({ push, keys, now, randomBytes, log }: PushServiceOptions): Service {
  const { store } = push;

  /** Lists the subscriptions of a key. */
  async function subscriptionsOf(owner: PushOwner): Promise<readonly StoredSubscription[]> {
    return (await store.listSubscriptions()).filter((one) => isOwn(one, owner));
  }

  /** Finds a subscription of a key; undefined if it has none with this id. */
  async function find(owner: PushOwner, id: string): Promise<StoredSubscription | undefined> {
    return (await subscriptionsOf(owner)).find((one) => one.id === id);
  }

  async function list(owner: PushOwner, { scope }: ServiceContext): Promise<Reply> {
    const [subscriptions, rules] = await Promise.all([subscriptionsOf(owner), store.listRules()]);
    return reply({
      enabled: push.fault === undefined,
      publicKey: push.publicKey,
      max: push.maxPerKey,
      maxRules: push.maxRulesPerKey,
      subscriptions: subscriptions.map(describe),
      rules: rules.filter((rule) => isOwn(rule, owner)).map(({ json }) => tryParseJson(json)),
      sources: push.sourcesOf(scope),
    });
  }

  async function subscribe(value: unknown, owner: PushOwner, context: ServiceContext): Promise<Reply> {
    assertOn();
    assertCurrent(context);
    const { endpoint, keys: { p256dh, auth }, kind, label } = await parseSubscription(value, {
      allowed: push.allowedHosts,
    });
    const { key, kid } = context;
    const id = await store.addSubscription({
      ...owner,
      ...{ id: randomBytes(ID_BYTES).toHex(), kid, endpoint: endpoint.href, p256dh, auth, kind, label },
      created: now(),
    }, { max: push.maxPerKey });
    if (id === undefined) {
      throw limitReached(
        `This key has ${push.maxPerKey} subscriptions already: remove one of them, or raise PUSH_MAX_PER_KEY`,
      );
    }
    // The key may have been removed or rotated meanwhile, after its subscriptions were.
    await push.refresh();
    assertCurrent(context);
    log.info("Device of {key} is subscribed to push messages at {host} as {id}", { key, host: endpoint.host, id });
    return reply({ id });
  }

  async function remove(id: string, owner: PushOwner): Promise<Reply> {
    const found = await find(owner, id);
    if (found === undefined) return reply({ removed: false });
    const removed = await push.removeSubscription(id);
    if (removed) log.info("Subscription {id} of {key} to push messages is removed", { key: owner.key, id });
    return reply({ removed });
  }

  async function test(id: string, owner: PushOwner): Promise<Reply> {
    assertOn();
    const found = await find(owner, id);
    if (found === undefined) {
      throw fieldFault(["test"], 'there is no such subscription of this key; list them with {"service":"push"}');
    }
    if (!push.sendTest(found)) {
      const retryAfterSeconds = ALERT_INTERVAL_MS / 1000;
      throw new ServiceError(429, `This key has had too many alerts: try again in ${retryAfterSeconds} s`, {
        code: "busy",
        retryAfterSeconds,
      });
    }
    return reply({ queued: true });
  }

  async function putRule(rule: AlertRule, json: string, owner: PushOwner, context: ServiceContext): Promise<Reply> {
    assertOn();
    push.authorize(rule, context.scope);
    if (!await store.putRule({ ...owner, name: rule.name, json }, { max: push.maxRulesPerKey })) {
      throw limitReached(
        `This key has ${push.maxRulesPerKey} rules already: remove one of them, or raise PUSH_MAX_RULES_PER_KEY`,
      );
    }
    if (keys.find(context.kid) === undefined) {
      await store.removeRule(owner, rule.name);
      throw revokedError(context.revoked);
    }
    await push.refresh();
    return reply({ name: rule.name });
  }

  async function removeRule(name: string, owner: PushOwner): Promise<Reply> {
    const removed = await store.removeRule(owner, name);
    if (removed) await push.refresh();
    return reply({ removed });
  }

  async function alerts(since: number, owner: PushOwner): Promise<Reply> {
    const found = await store.listAlerts(owner, since);
    return reply({ alerts: found.map(({ json }) => tryParseJson(json)) });
  }

  function execute(operation: PushOperation, owner: PushOwner, context: ServiceContext): Promise<Reply> {
    switch (operation.type) {
      case "list":
        return list(owner, context);
      case "subscribe":
        return subscribe(operation.subscription, owner, context);
      case "remove":
        return remove(operation.id, owner);
      case "test":
        return test(operation.id, owner);
      case "rule":
        return putRule(operation.rule, operation.json, owner, context);
      case "removeRule":
        return removeRule(operation.name, owner);
      case "alerts":
        return alerts(operation.since, owner);
    }
  }

  /** Throws unless messages are sent. */
  function assertOn(): void {
    if (push.fault === undefined) return;
    throw new ServiceError(503, push.fault, { code: "service_unreachable", isUnsent: true });
  }

  /**
   * Throws unless a request has the current secret of its key: a device with an older one could otherwise read alerts for
   * longer than its secret works.
   */
  function assertCurrent({ key, kid, revoked }: ServiceContext): void {
    const details = keys.find(kid);
    if (details === undefined) throw revokedError(revoked);
    if (!details.isPrevious) return;
    throw new ServiceError(409, `Only the new secret of this key can subscribe: deno task keys show ${key} shows it`, {
      code: "old_secret",
    });
  }

  return {
    name: PUSH,
    isOpen: true,
    fieldErrorStatus: 400,
    target: operationName,
    async handle(payload, context) {
      const operation = parseOperation(payload);
      const owner = { key: context.key, keyCreated: context.keyCreated };
      return await execute(operation, owner, context);
    },
  };
}

function isOwn(one: PushOwner, { key, keyCreated }: PushOwner): boolean {
  return one.key === key && one.keyCreated === keyCreated;
}

/** Describes a subscription for the holder of its key: its endpoint and its keys stay secret. */
function describe(subscription: StoredSubscription): Readonly<Record<string, unknown>> {
  const { id, kind, label, endpoint, created, lastSuccess, lastFailure } = subscription;
  return {
    ...{ id, kind, label, host: URL.parse(endpoint)?.host, created: isoTime(created) },
    lastSuccess: lastSuccess === undefined ? undefined : isoTime(lastSuccess),
    lastFailure: lastFailure === undefined ? undefined : isoTime(lastFailure),
  };
}

function isoTime(time: number): string {
  return new Date(time).toISOString();
}

function limitReached(message: string): ServiceError {
  return new ServiceError(409, message, { code: "limit_reached" });
}

function reply(body: Readonly<Record<string, unknown>>): Reply {
  return { status: 200, bodyJson: JSON.stringify(body), source: "gateway" };
}
