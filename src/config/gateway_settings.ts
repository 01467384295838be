/**
 * The gateway's own settings, without those of its services: name, rule, default, reason and description of each.
 *
 * @module
 */
import { parseProxy } from "../http/client_address.ts";
import { parseHostPattern } from "../net/egress.ts";
import { parseOrigin } from "../net/host.ts";
import { isVapidSubject } from "../push/vapid.ts";
import { SERVICES } from "../services/registry.ts";
import type { ServiceModule } from "../services/service.ts";
import { REDIS_SETTINGS } from "./redis_settings.ts";
import {
  choice,
  host,
  list,
  listOf,
  mustBeTogether,
  path,
  port,
  portOrOff,
  satisfying,
  type Setting,
  setting,
  type SettingsGroup,
  webAddress,
  wholeNumber,
} from "./rules.ts";

/** Largest rate or burst. */
const MAX_RATE = 1_000_000;

/** Settings before those of the services. */
export const FIRST_GROUPS = {
  keys: {
    title: "Keys",
    settings: {
      secretKeyFile: setting("SECRET_KEY_FILE", {
        rule: path,
        default: "data/secret_key.txt",
        doc:
          'File with the key "default", which has every right: 64 hexadecimal characters. The first start creates it, ' +
          "and its folder, when there is no key at all.",
        notes: "Relative paths begin at the project's folder. A path must not have white space or a comma, as paths " +
          "become flags of the sandbox. Give the file its own folder: the gateway may write everything in that " +
          "folder, so the project's folder and the system's folders are refused. Change it to keep the key elsewhere, " +
          "such as on an encrypted disk.",
      }),
      keysFile: setting("KEYS_FILE", {
        rule: path,
        default: "data/keys.json",
        doc: 'File with a key for each device and its rights, which "deno task keys" edits.',
        notes:
          "Change it together with SECRET_KEY_FILE, and back it up: without it, every device has to be paired again.",
      }),
      fileMode: setting("KEY_FILE_MODE", {
        rule: choice("strict", "ignore"),
        default: "strict",
        doc:
          "strict: a key file or services file that others can read gets mode 0600, and is not used where that fails. " +
          "ignore: the modes stay as they are, for file systems without modes (FAT, some network drives).",
      }),
      aead: setting("AEAD", {
        rule: choice("webcrypto", "native"),
        default: "webcrypto",
        reason: "WebCrypto works in threads of its own: no envelope delays another request.",
        doc:
          "Implementation of AES-256-GCM. webcrypto: the platform's WebCrypto. native: node:crypto for texts of up " +
          "to 2 KiB, which saves the way to another thread; WebCrypto for longer ones.",
        notes: "Set native for more requests and events a second (docs/performance.md). Clients notice no difference.",
      }),
    },
  },
  server: {
    title: "HTTP server",
    settings: {
      host: setting("HOST", {
        rule: host,
        default: "0.0.0.0",
        doc: "Address to listen on: a host name or an address alone, IPv6 without brackets. 0.0.0.0 and :: are all " +
          "interfaces.",
        notes: "Set 127.0.0.1 when only a proxy or Tailscale on the same machine connects.",
      }),
      port: setting("PORT", {
        essential: true,
        rule: port(0),
        default: 10_000,
        doc: "Port to listen on; 0 takes any free one, which the log names.",
        notes: "Change it when another program uses it.",
      }),
      tlsCertFile: setting("TLS_CERT_FILE", {
        rule: path,
        doc: "PEM file with the certificate chain for HTTPS without a proxy. Needs TLS_KEY_FILE.",
        notes:
          "Not needed behind Tailscale Funnel or another proxy that has the certificate. A new certificate needs a " +
          "restart.",
      }),
      tlsKeyFile: setting("TLS_KEY_FILE", {
        rule: path,
        doc: "PEM file with the private key of that certificate.",
      }),
      publicUrl: setting("PUBLIC_URL", {
        essential: true,
        rule: webAddress("https://yourdevice.tail497f.ts.net"),
        doc:
          "Address at which phones reach the gateway, such as https://yourdevice.tail497f.ts.net. It is in the pairing " +
          'code of "deno task keys show", and "deno task doctor" checks that it leads to this gateway.',
        notes: "Set it before you pair the first phone.",
      }),
      allowedOrigins: setting("ALLOWED_ORIGINS", {
        rule: list(parseOrigin),
        default: "",
        doc: "Exact origins of web pages from elsewhere that may use the gateway, separated by commas, such as " +
          "https://app.example,http://localhost:5173. Pages of other sites get 403.",
        notes: "No wildcards and no paths; http:// for localhost only, as browsers give other pages over http no " +
          "WebCrypto. A page needs a key, as every client does.",
      }),
      console: setting("CONSOLE", {
        rule: choice("on", "off"),
        default: "on",
        doc:
          "on: the gateway serves its web page at /, which pairs a phone and shows the home (docs/console.md). off: " +
          "that path answers 404, as every other unknown one.",
        notes: "The page holds no secret, and opens nothing without a key. Set off where only other apps are used.",
      }),
      trustedProxies: setting("TRUSTED_PROXIES", {
        essential: true,
        rule: list(parseProxy),
        default: "127.0.0.0/8,::1/128",
        reason: "This machine, from which Tailscale Funnel connects.",
        doc:
          "Addresses and networks of proxies whose header X-Forwarded-For is trusted, separated by commas or spaces.",
        notes:
          "Add a proxy that runs on another machine, or all phones behind it count as one address. Add nothing else: " +
          "these machines can claim any address. docker-compose.yml sets 127.0.0.0/8,::1,172.16.0.0/12 by default: " +
          "Docker's own networks as well.",
      }),
    },
    mismatches: (given) => [
      ...mustBeTogether(given, "TLS_CERT_FILE", "TLS_KEY_FILE"),
      ...mustBeTogether(given, "TLS_KEY_FILE", "TLS_CERT_FILE"),
    ],
  },
  services: {
    title: "Services file",
    settings: {
      file: setting("SERVICES_FILE", {
        rule: path,
        default: "services.yaml",
        doc:
          "File with the structured settings of services, such as named targets (docs/services-file.md). It is read " +
          "again while the gateway runs; without it, these services have nothing to reach.",
        notes: "Its secrets may be variables of this file, named as ${NAME}.",
      }),
    },
  },
} as const satisfies Readonly<Record<string, SettingsGroup>>;

/** Settings of health checks. */
export interface HealthSettings extends SettingsGroup {
  /** The settings. */
  readonly settings: { readonly checkSeconds: Setting<number>; readonly needs: Setting<string[]> };
}

/** Returns the settings of health checks, with the dependencies of services. */
export function healthGroup(services: readonly Pick<ServiceModule, "dependency">[]): HealthSettings {
  const dependencies = services.flatMap(({ dependency }) => dependency ?? []).toSorted();
  return {
    title: "Health checks",
    settings: {
      checkSeconds: setting("HEALTH_CHECK_SECONDS", {
        rule: wholeNumber(1, 3600),
        default: 15,
        reason: "A check costs two small packets.",
        doc: "Interval of the background checks of the services and Redis, in seconds.",
      }),
      needs: setting("READY_NEEDS", {
        essential: true,
        rule: listOf(...dependencies),
        default: dependencies.join(","),
        doc:
          "Dependencies that have to work for /health/ready to answer ok, as far as they are configured. The replay " +
          "store always counts, and a gateway that stops is never ready.",
        notes: "Set READY_NEEDS=broker when you have no Jeedom.",
      }),
    },
  };
}

/** Settings after those of the services. */
export const LAST_GROUPS = {
  replay: {
    title: "Replay protection",
    settings: {
      maxAgeSeconds: setting("MAX_AGE_SECONDS", {
        rule: wholeNumber(1, 86_400),
        default: 60,
        reason: "Covers the clock drift of a phone and a slow network.",
        doc:
          "Largest difference between a request's timestamp and the gateway's clock, either way, in seconds. Requests " +
          "are remembered for twice as long, so that none runs twice.",
        notes:
          "Raise it for phones with bad clocks that use version 1 of the protocol; with a lower value, a recorded " +
          "request expires sooner. Clients of version 2 correct their clock, and rely on 60 or less when they repeat a " +
          "command: above that it could run twice (docs/protocol.md, Correcting the clock).",
      }),
      memoryBytes: setting("REPLAY_MEMORY_BYTES", {
        rule: wholeNumber(4096, 2 ** 34),
        default: 64 * 2 ** 20,
        reason: "349525 requests in 120 s, 174762 of them with one key: 1456 a second.",
        doc:
          "Memory for the requests that ran and their answers, in bytes. Answers are evicted first. A key may use as " +
          "much as it leaves free; its new requests get 503 above that.",
        notes: "With Redis, it is the share of this gateway there, half of it for answers.",
      }),
      answerBytes: setting("REPLAY_ANSWER_BYTES", {
        rule: wholeNumber(0, 2 ** 28),
        default: 4 * 2 ** 20,
        reason: "The largest known home answers 1.6 MB when sealed.",
        doc:
          "Largest answer to keep for repeated requests, in bytes; 0 keeps none. A phone that lost its connection and " +
          "repeats a request with a larger answer gets 409.",
        notes: "Raise it if that happens with a very large home.",
      }),
    },
  },
  redis: REDIS_SETTINGS,
  rates: {
    title: "Rate limits",
    intro:
      "A BURST is the number of requests at once, a RATE the number a second after that. The full burst is available " +
      "again a minute after its first request. A burst is at least as large as its rate.",
    settings: {
      limits: setting("RATE_LIMITS", {
        rule: choice("on", "off"),
        default: "on",
        doc: "off: rate limiting is disabled, also for keys with their own rate. The limits on concurrent requests " +
          "and streams still apply.",
        notes: "Use off only where a proxy in front does all of it.",
      }),
      addressRate: setting("ADDRESS_RATE", {
        rule: wholeNumber(1, MAX_RATE),
        default: 60,
        reason: "Several phones behind one address of a mobile operator.",
        doc: "Requests a second from one address, before the key is known. More get 429 unread.",
        notes: "Raise it and ADDRESS_BURST if many phones share one address, such as behind the network of a company.",
      }),
      addressBurst: setting("ADDRESS_BURST", {
        rule: wholeNumber(1, MAX_RATE),
        default: 120,
        doc: "Requests at once from one address.",
      }),
      failedRate: setting("FAILED_RATE", {
        rule: wholeNumber(1, MAX_RATE),
        default: 1,
        reason: "Allows a few typing errors; at any rate, 2^256 keys cannot be guessed.",
        doc:
          "Failed requests a second from one address: those that no key opens, and stale ones. More get 429; phones " +
          "behind the same address are still served, if they name their key or were served before.",
        notes: "See docs/security.md, Shared addresses.",
      }),
      failedBurst: setting("FAILED_BURST", {
        rule: wholeNumber(1, MAX_RATE),
        default: 10,
        doc: "Failed requests at once from one address.",
      }),
      keyRate: setting("KEY_RATE", {
        rule: wholeNumber(1, MAX_RATE),
        default: 20,
        reason: "An app that follows a slider under a finger.",
        doc: "Requests a second with one key, unless the key has its own rate. More get a sealed 429.",
        notes:
          'Raise it and KEY_BURST for an app that sends very many requests at once. The key "default" counts as one key, however ' +
          "many phones use it.",
      }),
      keyBurst: setting("KEY_BURST", {
        rule: wholeNumber(1, MAX_RATE),
        default: 60,
        reason: "An app that opens and asks for all its rooms at once.",
        doc: "Requests at once with one key.",
      }),
    },
  },
  requests: {
    title: "Requests",
    settings: {
      maxBodies: setting("MAX_BODIES", {
        rule: wholeNumber(1, 100_000),
        default: 256,
        reason: "Bodies usually arrive within milliseconds. These take 24 MiB at most, as only 8 of them may be large.",
        doc:
          "Maximum number of request bodies that are pending at a time. At the limit, the oldest body of the address with the " +
          "most pending bodies gets 408, so that slow senders hurt only themselves.",
        notes: "Lower it on a very small machine.",
      }),
      max: setting("MAX_REQUESTS", {
        rule: wholeNumber(1, 100_000),
        default: 256,
        reason: "Each may hold a body and an answer: with usual sizes some ten megabytes together.",
        doc: "Maximum number of concurrent requests of all keys. More get 429.",
        notes:
          "Raise it, MAX_REQUESTS_PER_ADDRESS, MAX_REQUESTS_PER_KEY and KEY_BURST together for apps that send very many " +
          "requests at once. Lower them on a very small machine, as each request may hold a body and an answer in memory.",
      }),
      maxPerAddress: setting("MAX_REQUESTS_PER_ADDRESS", {
        rule: wholeNumber(1, 100_000),
        default: 128,
        reason: "All phones behind one address of a mobile operator, each with its long poll.",
        doc: "Maximum number of concurrent requests from one address, before the key is known. More get 429.",
      }),
      maxPerKey: setting("MAX_REQUESTS_PER_KEY", {
        rule: wholeNumber(1, 100_000),
        default: 64,
        reason: "One burst of a key.",
        doc: "Maximum number of concurrent requests with one key. More get 429.",
      }),
      maxBodyBytes: setting("MAX_BODY_BYTES", {
        rule: wholeNumber(64, 2 ** 28),
        default: 2 ** 20,
        reason: "Far above any request, far below what would hurt a Raspberry Pi.",
        doc: "Largest request body, in bytes.",
        notes: "Raise it to publish large payloads.",
      }),
      bodyTimeoutMs: setting("BODY_TIMEOUT_MS", {
        rule: wholeNumber(1, 600_000),
        default: 10_000,
        reason: "1 MiB takes 8 s over a slow mobile connection (1 Mbit/s).",
        doc: "Longest wait for a whole request body, in milliseconds.",
        notes: "Raise it for very slow connections.",
      }),
    },
  },
  streams: {
    title: "Streams",
    settings: {
      max: setting("MAX_STREAMS", {
        rule: wholeNumber(1, 100_000),
        default: 1_000,
        reason: "1000 idle streams take 70 MB.",
        doc: "Maximum number of open subscriptions of all keys. More are answered with one error event.",
      }),
      maxPerKey: setting("MAX_STREAMS_PER_KEY", {
        rule: wholeNumber(1, 100_000),
        default: 20,
        reason: "A phone needs one or two; connections that broke unnoticed stay open for a while.",
        doc: "Maximum number of open subscriptions with one key.",
        notes: "Raise it for a key that many devices share.",
      }),
      queueBytes: setting("LISTENER_QUEUE_BYTES", {
        rule: wholeNumber(1024, 2 ** 28),
        default: 256 * 2 ** 10,
        reason: "Some hundred ordinary events.",
        doc: "Events that may wait for one listener without a time limit, in bytes. Events beyond that count in " +
          "BACKLOG_BYTES, and LISTENER_PATIENCE_MS applies.",
        notes: "Each open subscription may take this much memory.",
      }),
      backlogBytes: setting("BACKLOG_BYTES", {
        rule: wholeNumber(65_536, 2 ** 34),
        default: 32 * 2 ** 20,
        reason: "Some thousand retained messages for a phone on a slow connection, several times over.",
        doc:
          "Events that wait for all listeners beyond LISTENER_QUEUE_BYTES each, in bytes: missed messages, retained " +
          "messages, bursts. The listeners of one key may use half of it. Above it, the largest listener of the key with " +
          'the most waiting bytes is disconnected with "Too slow", and resumes when it reconnects.',
        notes: "Raise it where thousands of retained messages meet many phones on slow connections.",
      }),
      maxEventBytes: setting("MAX_EVENT_BYTES", {
        rule: wholeNumber(1, 2 ** 26),
        default: 8 * 2 ** 20,
        reason: "A picture of a camera in full resolution.",
        doc: 'Largest MQTT message to pass on, in bytes. A larger one is left out, and a "gap" event names its topic.',
        notes: 'Brokers of MQTT 5 do not send messages that are much larger (128 KiB): there is no "gap" for these.',
      }),
      stallTimeoutMs: setting("LISTENER_PATIENCE_MS", {
        rule: wholeNumber(1, 600_000),
        default: 20_000,
        reason:
          "A connection of 4 kB/s takes 64 KiB in 16 s, and a buffer of 1 MB in between drains in 10 s at 100 kB/s.",
        doc: "Longest time that a listener may read nothing while more than LISTENER_QUEUE_BYTES wait for it, in " +
          'milliseconds. Reading a part of an event counts. Then its stream ends with "Too slow".',
      }),
      keepaliveSeconds: setting("STREAM_KEEPALIVE_SECONDS", {
        rule: wholeNumber(1, 15),
        default: 14,
        reason: "The protocol promises a heartbeat at least every 15 s; the shortest timeout known of a proxy is 60 s.",
        doc: "Interval of the heartbeats on a silent event stream, in seconds.",
        notes: "Lower it for a proxy that closes silent connections sooner.",
      }),
      resumeSeconds: setting("RESUME_SECONDS", {
        rule: wholeNumber(0, 86_400),
        default: 120,
        reason: "A tunnel, a lift, a change from Wi-Fi to the mobile network.",
        doc:
          "Time for which messages are kept for a listener that disconnected, in seconds. One that reconnects within it " +
          'has missed nothing; a later one gets a "gap" event.',
      }),
      resumeBytes: setting("RESUME_BYTES", {
        rule: wholeNumber(65_536, 2 ** 34),
        default: 8 * 2 ** 20,
        reason: "Two minutes of 200 messages a second.",
        doc:
          "Messages kept for listeners that reconnect, of all brokers together, in bytes. The oldest messages of the " +
          'largest topics are evicted first; a listener that misses one of those gets a "gap" event.',
      }),
    },
  },
  push: {
    title: "Push messages",
    settings: {
      delivery: setting("PUSH", {
        rule: choice("on", "off"),
        default: "on",
        doc: "on: devices can be told of events while they sleep, by encrypted messages through the push services of " +
          "their browsers. off: the gateway connects to no push service; subscriptions and rules stay as they are.",
        notes:
          "Nothing is sent before a device subscribes. The services see when a message is sent and how long it is, " +
          "in steps of 512 bytes, and nothing else of it.",
      }),
      allowedHosts: setting("PUSH_ALLOWED_HOSTS", {
        rule: list(parseHostPattern),
        default: "",
        doc:
          "Hosts of push services besides those of the browsers (Google, Mozilla, Apple and Microsoft), separated by " +
          "commas or spaces: the servers of UnifiedPush apps.",
        notes: "  ntfy.sh   push.example.org:8443   *.example.org   192.168.1.20   *\n" +
          "Without a port, an entry allows port 443. The addresses of a private network, and names that lead to them, " +
          "need an entry of their own: * allows public names alone. Deno's sandbox allows a name with all its ports, " +
          "and for a network of IPv6 or * the whole network.",
      }),
      maxPerKey: setting("PUSH_MAX_PER_KEY", {
        rule: wholeNumber(1, 100),
        default: 5,
        reason: "A phone with a page and an app, and the browsers of a person's other devices.",
        doc: "Maximum number of devices that are subscribed with one key. More get 409.",
        notes: 'Raise it where many devices share a key, such as "default".',
      }),
      maxRulesPerKey: setting("PUSH_MAX_RULES_PER_KEY", {
        rule: wholeNumber(1, 1000),
        default: 50,
        reason: "More than a person wants to be told of.",
        doc: "Maximum number of rules of one key. More get 409.",
      }),
      subject: setting("PUSH_SUBJECT", {
        rule: satisfying(isVapidSubject, "must be an address such as mailto:you@example.org or https://example.org"),
        doc:
          "Address of the operator for the push services, with mailto: or https:. PUBLIC_URL by default, if it begins " +
          "with https:.",
        notes:
          "The services use it when something is wrong with the messages. Apple's refuses addresses that it does " +
          "not take for real ones: set it where PUBLIC_URL is not set.",
      }),
    },
  },
  shutdown: {
    title: "Shutdown",
    settings: {
      timeoutMs: setting("SHUTDOWN_TIMEOUT_MS", {
        rule: wholeNumber(0, 600_000),
        default: 6_000,
        reason: "Docker kills after 10 s unless stop_grace_period is set: this and 2 s for the brokers end before.",
        doc:
          "Longest wait for running requests when the gateway stops, in milliseconds. Disconnecting from the brokers " +
          "takes up to 2 s more.",
      }),
      drainMs: setting("DRAIN_MS", {
        rule: wholeNumber(0, 600_000),
        default: 2_000,
        reason:
          "Spreads the reconnects of a home's phones, and leaves most of SHUTDOWN_TIMEOUT_MS to running requests.",
        doc:
          "Time over which the open streams end when the gateway stops, in milliseconds, so that phones do not all " +
          "reconnect at once. It is a part of SHUTDOWN_TIMEOUT_MS, and takes no time without streams.",
      }),
    },
  },
  metrics: {
    title: "Metrics",
    settings: {
      host: setting("METRICS_HOST", {
        rule: host,
        default: "127.0.0.1",
        doc: "Address for /metrics and detailed health (docs/operations/metrics.md), meant for this machine.",
        notes:
          "Set another address only if a Prometheus on another machine reads them, and no one else can reach the port.",
      }),
      port: setting("METRICS_PORT", {
        rule: portOrOff,
        default: 9464,
        reason: "The usual port of Prometheus exporters of this kind, and outside the range of ephemeral ports.",
        doc: "Port for /metrics and detailed health; 0 takes any free one, which the log names, and off opens none.",
        notes: "Change it when another program uses it.",
      }),
    },
  },
  health: healthGroup(SERVICES),
  log: {
    title: "Log",
    settings: {
      level: setting("LOG_LEVEL", {
        rule: choice("debug", "info", "warning", "error"),
        default: "info",
        doc:
          "Lowest level to log. Keys, passwords and payloads never appear at any level. The audit, one line for each " +
          "authenticated request, has level info: with warning or error there is none.",
      }),
      format: setting("LOG_FORMAT", {
        rule: choice("auto", "text", "json"),
        default: "auto",
        doc: "auto: colored text on a terminal, JSON lines elsewhere. text: plain text. json: one JSON object a line.",
        notes: "The systemd unit and docker-compose.yml set text where LOG_FORMAT is not set.",
      }),
    },
  },
} as const satisfies Readonly<Record<string, SettingsGroup>>;
