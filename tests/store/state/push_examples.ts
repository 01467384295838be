/** Subscriptions, rules, alerts and messages for the tests of their stores. */
import type {
  NewMessage,
  PushOwner,
  QueueLimits,
  StoredAlert,
  StoredRule,
  StoredSubscription,
} from "../../../src/store/state/push_store.ts";

export const PHONE: PushOwner = { key: "phone", keyCreated: 1000 };
export const GUEST: PushOwner = { key: "guest", keyCreated: 2000 };

export const subscription = (id: string, changed: Partial<StoredSubscription> = {}): StoredSubscription => ({
  ...PHONE,
  id,
  kid: "0123456789abcdef",
  endpoint: `https://push.example/${id}`,
  p256dh: "point",
  auth: "secret",
  kind: "web",
  label: undefined,
  created: 5000,
  lastSuccess: undefined,
  lastFailure: undefined,
  ...changed,
});

export const rule = (name: string, changed: Partial<StoredRule> = {}): StoredRule => ({
  ...PHONE,
  name,
  json: `{"name":"${name}"}`,
  ...changed,
});

export const alert = (id: string, changed: Partial<StoredAlert> = {}): StoredAlert => ({
  ...PHONE,
  id,
  at: 10_000,
  json: `{"id":"${id}"}`,
  ...changed,
});

export const message = (to: string, text: string, changed: Partial<NewMessage> = {}): NewMessage => ({
  subscription: to,
  alert: "alert",
  text,
  urgency: "high",
  topic: undefined,
  expires: 1_000_000,
  ...changed,
});

export const LIMITS: QueueLimits = { now: 10_000, maxPerSubscription: 100, max: 1000, maxAlerts: 100 };
