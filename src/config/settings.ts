/**
 * The settings: their names, defaults and rules. The one place where a default is written down, with its reason.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import { z } from "zod";
import { parseProxy } from "../http/client_address.ts";
import { type BrokerPattern, hostFault, parseBrokerPattern } from "../net/egress.ts";
import { hostOf, isHost, parseOrigin } from "../net/host.ts";
import type { UnknownSetting } from "./unknown_settings.ts";

/** Named texts as they come from the environment and from `.env`. */
export type Variables = Readonly<Record<string, string | undefined>>;

const wholeNumber = (min: number, max: number) =>
  z.string()
    .regex(/^\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be a whole number from ${min} to ${max}`);

const MAX_PORT = 65_535;

const port = (min: number) => wholeNumber(min, MAX_PORT);

const portOrOff = z.string()
  .regex(/^(off|\d{1,5})$/, `must be a whole number from 0 to ${MAX_PORT}, or off`)
  .transform((text) => text === "off" ? text : Number(text))
  .refine((value) => value === "off" || value <= MAX_PORT, `must be a whole number from 0 to ${MAX_PORT}, or off`);

// Deno's permission flags are words separated by white space, their values by commas.
const path = z.string().regex(/^[^\s,]+$/, "must be a path without white space and commas");

const host = z.string().refine(isHost, "must be a host name or an address alone, without scheme, port or brackets");

/** Where the gateway itself connects to: no address that it would refuse there. */
const target = host.superRefine((text, context) => {
  const fault = hostFault(text);
  if (fault !== undefined) context.addIssue({ code: "custom", message: `must be another address: this one ${fault}` });
});

const webAddress = (example: string) =>
  z.string().transform((text, context) => {
    const url = URL.parse(text);
    const fault = url === null || !/^https?:$/.test(url.protocol) || !isHost(hostOf(url))
      ? `must be an address such as ${example}`
      : url.username !== "" || url.password !== ""
      ? "must not contain a user name or password"
      : url.search !== "" || url.hash !== ""
      ? "must not contain a query or fragment"
      : hostFault(hostOf(url)) !== undefined
      ? `must be another address: this one ${hostFault(hostOf(url))}`
      : undefined;
    if (fault === undefined && url !== null) return url;
    context.addIssue({ code: "custom", message: fault ?? "" });
    return z.NEVER;
  });

const redisUrl = z.string().transform((text, context) => {
  const url = URL.parse(text);
  if (url !== null && /^rediss?:$/.test(url.protocol) && isHost(hostOf(url))) return url;
  context.addIssue({ code: "custom", message: "must be an address such as redis://127.0.0.1:6379 or rediss://host" });
  return z.NEVER;
});

/** A list whose entries are separated by commas or white space; the first bad one is told. */
const list = <T>(parse: (entry: string) => T) =>
  z.string().transform((text, context): T[] => {
    try {
      return text.split(/[\s,]+/).filter((entry) => entry !== "").map(parse);
    } catch (error) {
      context.addIssue({ code: "custom", message: errorText(error) });
      return z.NEVER;
    }
  });

/** Parses an entry of a list of words. */
const choiceOf = <const T extends string>(...values: T[]) => (entry: string): T => {
  const found = values.find((value) => value === entry);
  if (found === undefined) throw new TypeError(`must be a list of: ${values.join(", ")}`);
  return found;
};

const choice = <const T extends string>(...values: T[]) => z.enum(values, `must be one of: ${values.join(", ")}`);

/** The port of plain MQTT, as IANA has it. */
export const MQTT_PORT = 1883;

/** The ports of brokers by what they speak, where MQTT_PROTOCOL says it and MQTT_BROKER_PORT is not set. */
const PORTS: Readonly<Record<string, string>> = { mqtt: `${MQTT_PORT}`, mqtts: "8883", ws: "80", wss: "443" };

/** Every setting by its name. `.env.example` describes each one for the person who sets it. */
export const SETTINGS = {
  SECRET_KEY_FILE: path.default("data/secret_key.txt"),
  KEYS_FILE: path.default("data/keys.json"),
  KEY_FILE_MODE: choice("strict", "ignore").default("strict"),

  HOST: host.default("0.0.0.0"),
  PORT: port(0).default(10_000),
  TLS_CERT_FILE: path.optional(),
  TLS_KEY_FILE: path.optional(),
  PUBLIC_URL: webAddress("https://yourdevice.tail497f.ts.net").optional(),
  ALLOWED_ORIGINS: list(parseOrigin).default([]),

  JEEDOM_URL: webAddress("http://192.168.1.10 or https://jeedom.example").default(new URL("http://localhost:80")),
  JEEDOM_APIKEY: z.string().optional(),
  JEEDOM_CA_FILE: path.optional(),
  /** The slowest ordinary answer seen on a Raspberry Pi was a few seconds: 30 s means that it hangs. */
  JEEDOM_TIMEOUT_MS: wholeNumber(1, 3_600_000).default(30_000),
  /** Twice what Jeedom's own page asks for (59 s). A poll holds one of few PHP workers for as long. */
  JEEDOM_LONG_POLL_MAX_SECONDS: wholeNumber(1, 3600).default(120),
  /**
   * Long polls, and calls that were given up, that may run inside of Jeedom at a time: each keeps a PHP worker. Apache
   * has 150 of them as it is installed; on a Raspberry Pi, 40 that wait take some hundred megabytes.
   */
  JEEDOM_MAX_POLLS: wholeNumber(1, 10_000).default(40),
  /** Five phones on the one key of a household, each with its poll, and two that it gave up on the way. */
  JEEDOM_MAX_POLLS_PER_KEY: wholeNumber(1, 10_000).default(15),
  /** A house with 300 devices answers 1.2 MB; this leaves room for seven times as many. */
  JEEDOM_MAX_RESPONSE_BYTES: wholeNumber(1, 2 ** 30).default(8 * 2 ** 20),

  MQTT_BROKER_HOST: target.optional(),
  MQTT_BROKER_PORT: port(1).default(MQTT_PORT),
  MQTT_PROTOCOL: choice("mqtt", "mqtts", "ws", "wss").optional(),
  MQTT_PATH: z.string().regex(/^\/[\w.\-~/]{0,255}$/, "must be a path such as /mqtt").optional(),
  MQTT_USERNAME: z.string().optional(),
  MQTT_PASSWORD: z.string().optional(),
  MQTT_TLS: choice("true", "false").default("false").transform((value) => value === "true"),
  MQTT_CA_FILE: path.optional(),
  MQTT_CERT_FILE: path.optional(),
  MQTT_KEY_FILE: path.optional(),
  /** With its random end 20 characters: a broker of 3.1.1 need not take more than 23 (section 3.1.3.1). */
  MQTT_CLIENT_ID: z.string()
    .regex(/^[\w.:\-]{1,64}$/, "must be 1 to 64 letters, digits, dots, colons, dashes and underscores")
    .default("e2e-gateway"),
  MQTT_ALLOWED_BROKERS: list<BrokerPattern>(parseBrokerPattern).default([]),
  /** Longest wait for a broker, connection and acknowledgement together: what a person still waits for. */
  MQTT_TIMEOUT_MS: wholeNumber(1, 600_000).default(10_000),
  /** Long enough to serve a burst of taps with one connection, short enough to leave the broker alone. */
  MQTT_IDLE_SECONDS: wholeNumber(1, 86_400).default(60),
  /** Notices a dead broker after 30 s; MQTT.js' default of 60 s would take 90 s. */
  MQTT_KEEPALIVE_SECONDS: wholeNumber(1, 65_535).default(20),
  /** Two per broker and login are normal; more means that a client makes them up. */
  MQTT_MAX_CONNECTIONS: wholeNumber(1, 10_000).default(64),

  /** The seed's window: covers a phone's clock drift and a slow network. */
  MAX_AGE_SECONDS: wholeNumber(1, 86_400).default(60),
  /** 120 s of 1,000 requests a second; fails closed beyond that. */
  REPLAY_MEMORY_BYTES: wholeNumber(4096, 2 ** 34).default(64 * 2 ** 20),

  /** The largest house seen answers 1.6 MB when sealed; more than this is asked anew rather than kept. */
  REPLAY_ANSWER_BYTES: wholeNumber(0, 2 ** 28).default(4 * 2 ** 20),
  REPLAY_REDIS_URL: redisUrl.optional(),
  /** Redis answers within a millisecond; after a thousand times as long it hangs. */
  REPLAY_REDIS_TIMEOUT_MS: wholeNumber(1, 60_000).default(1_000),

  RATE_LIMITS: choice("on", "off").default("on"),
  /** Several phones behind one address of a mobile operator, each at its own pace. */
  ADDRESS_RATE: wholeNumber(1, 1_000_000).default(60),
  ADDRESS_BURST: wholeNumber(1, 1_000_000).default(120),
  /** A person who mistypes a key a few times is let in; guessing 2^256 keys is as hopeless at any pace. */
  FAILED_RATE: wholeNumber(1, 1_000_000).default(1),
  FAILED_BURST: wholeNumber(1, 1_000_000).default(10),
  /** An app that opens and asks for all its rooms at once, then follows a slider under a finger. */
  KEY_RATE: wholeNumber(1, 1_000_000).default(20),
  KEY_BURST: wholeNumber(1, 1_000_000).default(60),
  TRUSTED_PROXIES: list(parseProxy).default(["127.0.0.0/8", "::1/128"].map(parseProxy)),
  /** Honest bodies arrive within milliseconds; these may hold 256 MiB at the very worst. */
  MAX_BODIES: wholeNumber(1, 100_000).default(256),
  /** Each may hold a body and an answer: with usual sizes some ten megabytes together. */
  MAX_REQUESTS: wholeNumber(1, 100_000).default(256),
  /** All phones behind one address of a mobile operator, each with its long poll. */
  MAX_REQUESTS_PER_ADDRESS: wholeNumber(1, 100_000).default(128),
  /** One burst of a key, and nothing left for a loop gone wild. */
  MAX_REQUESTS_PER_KEY: wholeNumber(1, 100_000).default(64),
  /** Some kilobytes each while they are idle. */
  MAX_STREAMS: wholeNumber(1, 100_000).default(1_000),
  /** A phone needs one or two; connections that broke unnoticed linger for a while. */
  MAX_STREAMS_PER_KEY: wholeNumber(1, 100_000).default(20),

  /** 1 MiB: far above any request, far below what would hurt a Raspberry Pi. */
  MAX_BODY_BYTES: wholeNumber(64, 2 ** 28).default(2 ** 20),
  /** 1 MiB over a slow mobile link (1 Mbit/s) takes 8 s. */
  BODY_TIMEOUT_MS: wholeNumber(1, 600_000).default(10_000),
  /** Some hundred ordinary events: what a listener may leave waiting for as long as it likes. */
  LISTENER_QUEUE_BYTES: wholeNumber(1024, 2 ** 28).default(256 * 1024),
  /** Some thousand retained messages for a phone on a slow link, several times over; half of it for one key. */
  BACKLOG_BYTES: wholeNumber(65_536, 2 ** 34).default(32 * 2 ** 20),
  /** A tunnel, a lift, a change from Wi-Fi to the mobile network. */
  RESUME_SECONDS: wholeNumber(0, 86_400).default(120),
  /** Two minutes of 200 messages a second. */
  RESUME_BYTES: wholeNumber(65_536, 2 ** 34).default(8 * 2 ** 20),
  /** A camera's picture in full resolution; larger ones belong elsewhere. */
  MAX_EVENT_BYTES: wholeNumber(1, 2 ** 26).default(8 * 2 ** 20),
  /** A line of 4 kB/s takes 64 KiB in 16 s, and a buffer of 1 MB on the way drains in 10 s at 100 kB/s. */
  LISTENER_PATIENCE_MS: wholeNumber(1, 600_000).default(20_000),
  /** The protocol promises a sign of life at least every 15 s; the shortest proxy limit known is 60 s. */
  STREAM_KEEPALIVE_SECONDS: wholeNumber(1, 15).default(14),
  /** Docker kills after 10 s: this and 2 s for farewells to the brokers are done before. */
  SHUTDOWN_TIMEOUT_MS: wholeNumber(0, 600_000).default(6_000),
  /** Spreads the return of a household's phones, and leaves most of the time above to running requests. */
  DRAIN_MS: wholeNumber(0, 600_000).default(2_000),

  METRICS_HOST: host.default("127.0.0.1"),
  /** Where Prometheus looks for programs of this kind, and not one that the system gives away by itself. */
  METRICS_PORT: portOrOff.default(9464),
  /** Notices what is broken before its owner does, and costs two small packets. */
  HEALTH_CHECK_SECONDS: wholeNumber(1, 3600).default(15),
  READY_NEEDS: list(choiceOf("broker", "jeedom"))
    .refine(({ length }) => length > 0, "must name broker, jeedom or both")
    .default(["broker", "jeedom"]),

  LOG_LEVEL: choice("debug", "info", "warning", "error").default("info"),
  LOG_FORMAT: choice("auto", "text", "json").default("auto"),
} as const;

/** The settings that hold a secret, never to be shown. */
export const SECRET_SETTINGS: readonly string[] = ["JEEDOM_APIKEY", "MQTT_PASSWORD", "REPLAY_REDIS_URL"];

/** Variables for the client commands alone, which stand in the same places. */
export const CLIENT_VARIABLES: readonly string[] = ["GATEWAY_KEY", "GATEWAY_URL", "JEEDOM_CALL_APIKEY"];

const schema = z.object(SETTINGS);

/** Settings that were read and found right. */
export type Config = { readonly [Name in keyof typeof SETTINGS]: (typeof SETTINGS)[Name]["_output"] };

/** Settings that were found wrong: every problem at once, each beginning with the setting's name. */
export class ConfigError extends Error {
  /**
   * Makes the error.
   *
   * @param problems at least one
   * @param unknown variables that are no settings, which may be why
   * @param unreadLines numbers of the lines of `.env` that set nothing, which may be why
   */
  constructor(
    readonly problems: readonly string[],
    readonly unknown: readonly UnknownSetting[] = [],
    readonly unreadLines: readonly number[] = [],
  ) {
    super(problems.join("\n"));
    this.name = "ConfigError";
  }
}

/**
 * Reads the settings. An empty value counts as absent, as `NAME=` in an `.env` file means.
 *
 * @param sources the variables, those that win first
 * @throws {ConfigError} with all problems
 */
export function parseConfig(...sources: readonly Variables[]): Config {
  const given: Record<string, string> = {};
  for (const name of Object.keys(SETTINGS)) {
    const value = sources.map((source) => source[name]).find((text) => text !== undefined && text !== "");
    if (value !== undefined) given[name] = value;
  }
  const usualPort = PORTS[given["MQTT_PROTOCOL"] ?? ""];
  if (usualPort !== undefined) given["MQTT_BROKER_PORT"] ??= usualPort;
  const result = schema.safeParse(given);
  const problems = [...(result.error?.issues ?? []).map((issue) => describe(issue, given)), ...mismatches(given)];
  if (!result.success) throw new ConfigError(problems);
  // Zod leaves absent settings out, which reads as undefined all the same.
  const config = result.data as Config;
  problems.push(...contradictions(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** What is wrong between values of which each is right. */
function contradictions(config: Config): string[] {
  const problems: string[] = [];
  for (const kind of ["ADDRESS", "FAILED", "KEY"] as const) {
    if (config[`${kind}_BURST`] < config[`${kind}_RATE`]) {
      problems.push(`${kind}_BURST must be at least ${kind}_RATE`);
    }
  }
  if (config.DRAIN_MS > config.SHUTDOWN_TIMEOUT_MS) {
    problems.push("DRAIN_MS must be at most SHUTDOWN_TIMEOUT_MS, which it is a part of");
  }
  if (config.METRICS_PORT === config.PORT && config.PORT !== 0) {
    problems.push("METRICS_PORT must be another port than PORT, or off");
  }
  if (config.KEYS_FILE === config.SECRET_KEY_FILE) {
    problems.push("KEYS_FILE must be another file than SECRET_KEY_FILE");
  }
  return problems;
}

/** What is wrong between settings that may each be right. */
function mismatches(given: Variables): string[] {
  const problems: string[] = [];
  const together = (name: string, other: string) => {
    if (given[name] !== undefined && given[other] === undefined) {
      problems.push(`${other} must be set together with ${name}`);
    }
  };
  together("TLS_CERT_FILE", "TLS_KEY_FILE");
  together("TLS_KEY_FILE", "TLS_CERT_FILE");
  together("MQTT_PASSWORD", "MQTT_USERNAME");
  together("MQTT_CERT_FILE", "MQTT_KEY_FILE");
  together("MQTT_KEY_FILE", "MQTT_CERT_FILE");
  const { MQTT_PROTOCOL: protocol, MQTT_TLS: tls } = given;
  const hasTls = protocol === "mqtts" || protocol === "wss";
  if (protocol !== undefined && tls !== undefined && tls !== String(hasTls)) {
    problems.push(`MQTT_TLS=${tls} contradicts MQTT_PROTOCOL=${protocol}: leave MQTT_TLS out`);
  }
  if (!hasTls && tls !== "true") {
    for (const name of ["MQTT_CA_FILE", "MQTT_CERT_FILE"]) {
      if (given[name] === undefined) continue;
      problems.push(`${name} has no effect without TLS: set MQTT_PROTOCOL to mqtts or wss`);
    }
  }
  if (given["MQTT_PATH"] !== undefined && protocol !== "ws" && protocol !== "wss") {
    problems.push("MQTT_PATH has no effect without a WebSocket: set MQTT_PROTOCOL to ws or wss");
  }
  if (given["JEEDOM_CA_FILE"] !== undefined && !/^https:/i.test(given["JEEDOM_URL"] ?? "")) {
    problems.push("JEEDOM_CA_FILE has no effect without https:// in JEEDOM_URL");
  }
  if (given["MQTT_BROKER_HOST"] === undefined) {
    if (protocol !== undefined && protocol !== "mqtt") {
      problems.push("MQTT_PROTOCOL has no effect without MQTT_BROKER_HOST: the embedded broker speaks plain MQTT");
    }
    for (const name of ["MQTT_USERNAME", "MQTT_TLS"]) {
      if (given[name] === undefined || given[name] === "false") continue;
      problems.push(`${name} has no effect without MQTT_BROKER_HOST: the embedded broker has no logins and no TLS`);
    }
  }
  return problems;
}

function describe(issue: z.core.$ZodIssue, given: Variables): string {
  const name = String(issue.path[0]);
  const value = given[name] ?? "";
  // A URL may carry a password before "@", or a key behind "?".
  const secret = SECRET_SETTINGS.includes(name) || /[@?#]/.test(value);
  return `${name} ${issue.message}${secret ? "" : `, not "${value}"`}`;
}

/** Tells what to speak with the configured broker. */
export function brokerProtocol(
  { MQTT_PROTOCOL, MQTT_TLS }: Pick<Config, "MQTT_PROTOCOL" | "MQTT_TLS">,
): "mqtt" | "mqtts" | "ws" | "wss" {
  return MQTT_PROTOCOL ?? (MQTT_TLS ? "mqtts" : "mqtt");
}
