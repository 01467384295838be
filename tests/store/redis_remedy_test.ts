import { assertEquals, assertStringIncludes } from "@std/assert";
import { redisRemedy } from "../../src/store/redis_remedy.ts";

Deno.test("redisRemedy() names the setting to fix, or what to start", () => {
  const remedies: Readonly<Record<string, string>> = {
    "NOAUTH HELLO must be called with the client already authenticated": "user and password in REDIS_URL",
    "WRONGPASS invalid username-password pair or user is disabled": "user and password in REDIS_URL",
    "1 of 1 sentinels do not name home: host:26379: WRONGPASS invalid": "REDIS_SENTINEL_PASSWORD",
    "1 of 1 sentinels do not name home: host:26379: ERR No such master with that name": "name of the primary",
    "1 of 1 sentinels do not name home: host:26379: connect ECONNREFUSED": "Start Redis",
    "10.0.0.7:6379 was announced, which neither REDIS_URL nor REDIS_NODES has": "to REDIS_NODES",
    "NOPERM User ann has no permissions to run the 'eval' command": "docs/security.md",
    "ERR DB index is out of range": "number of the database at the end of REDIS_URL",
    "ERR unknown command `HELLO`": "Redis 7 or later",
    "host:26379: ERR unknown command 'GET'": "redis+sentinel",
    "getaddrinfo ENOTFOUND host": "name in REDIS_URL",
    "host:6379: CLUSTERDOWN Hash slot not served": "Start the missing nodes",
    "self-signed certificate": "REDIS_CA_FILE",
    "Hostname/IP does not match certificate's altnames: IP: 10.0.0.7": "as its certificate does",
    "received fatal alert: CertificateRequired": "REDIS_CERT_FILE and REDIS_KEY_FILE",
    "read ECONNRESET": "begins with rediss if the server uses TLS",
    "Connection timeout": "begins with rediss if the server uses TLS",
  };
  for (const [reason, remedy] of Object.entries(remedies)) {
    assertStringIncludes(redisRemedy(reason) ?? "", remedy, reason);
  }
});

Deno.test("redisRemedy() knows no remedy of another reason, nor of an address that is never connected to", () => {
  assertEquals(redisRemedy("No reply for 800 ms"), undefined);
  assertEquals(redisRemedy("169.254.169.254 was announced, which is a link-local address"), undefined);
});
