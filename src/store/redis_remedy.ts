/**
 * Remedies of problems with Valkey or Redis, for the log and for the doctor.
 *
 * @module
 */

/** Remedies by the reason that the server, its sentinels, TLS or the gateway gives. The first one counts. */
const REMEDIES: readonly (readonly [reason: RegExp, remedy: string])[] = [
  [/^\d+ of \d+ sentinels do not name .*(WRONGPASS|AUTH)/, "Fix REDIS_SENTINEL_USERNAME and REDIS_SENTINEL_PASSWORD"],
  [/No such master/, "Fix the name of the primary at the end of REDIS_URL"],
  [/REDIS_NODES/, "Add it, or its network, to REDIS_NODES"],
  [/^It is a replica/, "Set REDIS_URL to the primary, or to sentinels"],
  [
    /^It is a sentinel|unknown command .?GET/,
    "Begin REDIS_URL with redis+sentinel, and end it with the name of the primary",
  ],
  [/^It is a node of a cluster/, "Begin REDIS_URL with redis+cluster"],
  [/^It is no node of a cluster/, "Begin REDIS_URL with redis or redis+sentinel"],
  [/unknown command .?HELLO/, "Use Redis 7 or later, or Valkey 7.2 or later"],
  [/WRONGPASS|AUTH/, "Fix user and password in REDIS_URL"],
  [/NOPERM/, "Give the user in REDIS_URL the rights that docs/security.md lists"],
  [/DB index/, "Fix the number of the database at the end of REDIS_URL"],
  [/ECONNREFUSED/, "Start Redis, or fix the address in REDIS_URL"],
  [/ENOTFOUND|EAI_AGAIN/, "Fix the name in REDIS_URL"],
  [/Requires net access/, "Name another server in REDIS_URL: no connection to this one is allowed"],
  [/CertificateRequired/, "Set REDIS_CERT_FILE and REDIS_KEY_FILE: the server asks its clients for a certificate"],
  [/altnames/, "Name the server in REDIS_URL as its certificate does"],
  [/certificate/i, "Set REDIS_CA_FILE to the authority of the server's certificate"],
  [/CLUSTERDOWN/, "Start the missing nodes of the cluster: redis-cli --cluster check"],
  [
    /ECONNRESET|timeout|handshake|RESP type/i,
    "Check the address in REDIS_URL, and that it begins with rediss if the server uses TLS, with redis if not",
  ],
];

/** Returns the remedy of the reason for which there is no connection; undefined if none is known. */
export function redisRemedy(reason: string): string | undefined {
  return REMEDIES.find(([pattern]) => pattern.test(reason))?.[1];
}
