/**
 * Settings of Valkey or Redis, which the replicas of the gateway share.
 *
 * @module
 */
import { type HostPattern, parseHostPattern } from "../net/egress.ts";
import {
  type GroupConfig,
  list,
  mustBeTogether,
  path,
  redisUrl,
  setting,
  type SettingsGroup,
  text,
  type Variables,
  wholeNumber,
} from "./rules.ts";

/** Settings of Valkey or Redis. */
export const REDIS_SETTINGS = {
  title: "Redis or Valkey",
  settings: {
    url: setting("REDIS_URL", {
      rule: redisUrl,
      secret: true,
      formerName: "REPLAY_REDIS_URL",
      doc:
        "Valkey or Redis that all replicas of the gateway share, and that remembers requests instead of the gateway's " +
        "memory: redis://127.0.0.1:6379, redis+sentinel://host1,host2,host3/mymaster or redis+cluster://host1,host2; " +
        "with rediss in place of redis for TLS. While it is unavailable, requests get 503.",
      notes: "  redis://user:password@host:6379/database\n" +
        "  redis+sentinel://user:password@host1:26379,host2:26379/primary/database\n" +
        "  redis+cluster://user:password@host1:6379,host2:6379\n" +
        "Set it for several gateways with the same keys, or so that a restart of the gateway forgets nothing. User and " +
        "password are those of Redis, in percent encoding. It has to be Redis 7 or later, or Valkey 7.2 or later, with " +
        "appendonly yes, and with maxmemory-policy noeviction where it has a maxmemory " +
        "(docs/operations/replicas.md).",
    }),
    timeoutMs: setting("REDIS_TIMEOUT_MS", {
      rule: wholeNumber(1, 60_000),
      default: 1_000,
      formerName: "REPLAY_REDIS_TIMEOUT_MS",
      reason: "Redis answers within a millisecond; after a thousand times as long it hangs.",
      doc: "Longest wait for an answer of Redis, which then counts as unavailable, in milliseconds.",
      notes: "Raise it for a server far away.",
    }),
    nodes: setting("REDIS_NODES", {
      rule: list<HostPattern>(parseHostPattern),
      default: "",
      doc:
        "Servers that sentinels or nodes of a cluster may announce, separated by commas or spaces, besides any port " +
        "of the hosts in REDIS_URL.",
      notes: "  10.0.0.0/8   redis-0.redis:6379   *.redis.example   [fd00::/8]\n" +
        "They announce IP addresses unless they are configured to announce names: list those, or the network, " +
        "where REDIS_URL has names. For a network of IPv6 or *, Deno's sandbox allows the whole network.",
    }),
    sentinelUsername: setting("REDIS_SENTINEL_USERNAME", {
      rule: text,
      doc: "User at the sentinels, where they have users. Needs REDIS_SENTINEL_PASSWORD.",
    }),
    sentinelPassword: setting("REDIS_SENTINEL_PASSWORD", {
      rule: text,
      secret: true,
      doc: "Password of the sentinels, where they have one: that of Redis, in REDIS_URL, is not sent to them.",
    }),
    caFile: setting("REDIS_CA_FILE", {
      rule: path,
      doc: "PEM file with the certificate of the private authority that signed the servers' certificates. Needs " +
        "rediss in REDIS_URL.",
      notes: "The certificate of a server has to name the host that REDIS_URL has, or that a sentinel or the cluster " +
        "announces.",
    }),
    certFile: setting("REDIS_CERT_FILE", {
      rule: path,
      doc: "PEM file with the gateway's own certificate, for servers that ask their clients for one. Needs rediss in " +
        "REDIS_URL, and REDIS_KEY_FILE.",
      notes: "A new certificate needs a restart.",
    }),
    keyFile: setting("REDIS_KEY_FILE", {
      rule: path,
      doc: "PEM file with the private key of that certificate, without a passphrase.",
    }),
  },
  mismatches,
} as const satisfies SettingsGroup;

/** Values of these settings. */
export type RedisConfig = GroupConfig<typeof REDIS_SETTINGS>;

function mismatches(given: Variables): string[] {
  const { REDIS_URL: url = "" } = given;
  const needs: readonly [pattern: RegExp, remedy: string, names: readonly string[]][] = [
    [/^rediss/i, "TLS: begin REDIS_URL with rediss", ["REDIS_CA_FILE", "REDIS_CERT_FILE"]],
    [/^rediss?\+sentinel:/i, "sentinels: begin REDIS_URL with redis+sentinel", [
      "REDIS_SENTINEL_USERNAME",
      "REDIS_SENTINEL_PASSWORD",
    ]],
    [/^rediss?\+/i, "sentinels or a cluster: begin REDIS_URL with redis+sentinel or redis+cluster", ["REDIS_NODES"]],
  ];
  const withoutEffect = needs.filter(([pattern]) => !pattern.test(url)).flatMap(([_, remedy, names]) =>
    names.filter((name) => given[name] !== undefined).map((name) => `${name} has no effect without ${remedy}`)
  );
  return [
    ...withoutEffect,
    ...mustBeTogether(given, "REDIS_CERT_FILE", "REDIS_KEY_FILE"),
    ...mustBeTogether(given, "REDIS_KEY_FILE", "REDIS_CERT_FILE"),
    ...mustBeTogether(given, "REDIS_SENTINEL_USERNAME", "REDIS_SENTINEL_PASSWORD"),
  ];
}
