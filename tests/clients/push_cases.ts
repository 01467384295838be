/** Calls of the push service, for the tests of every client. */
import type { MalformedCase, ServiceCase } from "./service_case.ts";

const ID = "0123456789abcdef";
const ENDPOINT = "https://ntfy.example/upAbCdEf?up=1";
const P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH = "BTBZMqHH6r4Tts7J_aSIgg";

const RULE = {
  name: "doorbell",
  source: { topics: ["home/doorbell"] },
  condition: { type: "equals", text: "pressed" },
  title: "Doorbell",
};

const STATE = {
  enabled: true,
  publicKey: P256DH,
  max: 5,
  maxRules: 50,
  subscriptions: [
    { id: ID, kind: "unifiedpush", label: "Anna's phone", host: "ntfy.example", created: "2026-11-24T06:22:44.000Z" },
    {
      id: "fedcba9876543210",
      kind: "web",
      host: "fcm.googleapis.com",
      created: "2026-11-24T06:22:44.000Z",
      lastSuccess: "2026-11-25T06:22:44.000Z",
      lastFailure: "2026-11-26T06:22:44.000Z",
    },
  ],
  rules: [RULE],
  sources: ["topics", "health"],
};

const OFF = { enabled: false, max: 5, maxRules: 50, subscriptions: [], rules: [], sources: [] };

const ALERT = {
  id: ID,
  title: "Doorbell",
  body: "pressed",
  rule: "doorbell",
  subject: "home/doorbell",
  actions: [{ name: "open-gate", label: "Open the gate" }],
  urgency: "high",
  tag: "doorbell:home/doorbell",
  timestamp: 1_700_000_000,
};

/** Calls, their requests, and answers with their results. */
export const PUSH_CASES: readonly ServiceCase[] = [
  { call: "push", args: {}, sent: {}, body: STATE, result: STATE },
  { call: "push", args: {}, sent: {}, body: OFF, result: OFF },
  {
    call: "pushSubscribe",
    args: { endpoint: ENDPOINT, p256dh: P256DH, auth: AUTH, label: "Anna's phone" },
    sent: {
      subscribe: {
        endpoint: ENDPOINT,
        keys: { p256dh: P256DH, auth: AUTH },
        kind: "unifiedpush",
        label: "Anna's phone",
      },
    },
    body: { id: ID },
    result: ID,
  },
  {
    call: "pushSubscribe",
    args: { endpoint: ENDPOINT, p256dh: P256DH, auth: AUTH },
    sent: { subscribe: { endpoint: ENDPOINT, keys: { p256dh: P256DH, auth: AUTH }, kind: "unifiedpush" } },
    body: { id: ID },
    result: ID,
  },
  { call: "pushUnsubscribe", args: { id: ID }, sent: { remove: ID }, body: { removed: true }, result: true },
  { call: "pushUnsubscribe", args: { id: ID }, sent: { remove: ID }, body: { removed: false }, result: false },
  { call: "pushTest", args: { id: ID }, sent: { test: ID }, body: { queued: true }, result: null },
  { call: "pushSetRule", args: { rule: RULE }, sent: { rule: RULE }, body: { name: "doorbell" }, result: null },
  {
    call: "pushRemoveRule",
    args: { name: "doorbell" },
    sent: { removeRule: "doorbell" },
    body: { removed: true },
    result: true,
  },
  {
    call: "pushAlerts",
    args: { since: 1_700_000_000.5 },
    sent: { alerts: { since: 1_700_000_000.5 } },
    body: { alerts: [ALERT] },
    result: [ALERT],
  },
  { call: "pushAlerts", args: {}, sent: { alerts: { since: 0 } }, body: { alerts: [] }, result: [] },
].map(({ sent, body, ...rest }) => ({
  ...rest,
  sent: { service: "push", ...sent },
  answer: { body: JSON.stringify(body), source: "gateway" },
}));

/** Answers that do not have the form of the service. */
export const PUSH_MALFORMED: readonly MalformedCase[] = [
  ["push", {}, null],
  ["push", {}, { ...STATE, enabled: "yes" }],
  ["push", {}, { ...STATE, publicKey: 1 }],
  ["push", {}, { ...STATE, max: "5" }],
  ["push", {}, { ...STATE, subscriptions: {} }],
  ["push", {}, { ...STATE, subscriptions: [{ id: ID }] }],
  ["push", {}, { ...STATE, subscriptions: [{ ...STATE.subscriptions[0], lastSuccess: 1 }] }],
  ["push", {}, { ...STATE, rules: ["doorbell"] }],
  ["push", {}, { ...STATE, sources: [1] }],
  ["pushSubscribe", { endpoint: ENDPOINT, p256dh: P256DH, auth: AUTH }, { id: 1 }],
  ["pushUnsubscribe", { id: ID }, { removed: "yes" }],
  ["pushTest", { id: ID }, []],
  ["pushSetRule", { rule: RULE }, "no JSON"],
  ["pushRemoveRule", { name: "doorbell" }, {}],
  ["pushAlerts", {}, { alerts: {} }],
  ["pushAlerts", {}, { alerts: [{ ...ALERT, id: 1 }] }],
  ["pushAlerts", {}, { alerts: [{ ...ALERT, timestamp: "now" }] }],
  ["pushAlerts", {}, { alerts: [{ ...ALERT, actions: ["open-gate"] }] }],
];
