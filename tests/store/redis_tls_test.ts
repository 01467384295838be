/** Redis with TLS: only servers of the trusted authority, under their names. */
import { assert, assertEquals } from "@std/assert";
import type { RedisTls } from "../../src/store/redis_client.ts";
import { openRedis, type RedisConnection } from "../../src/store/redis_connection.ts";
import { RedisUrl } from "../../src/net/redis_url.ts";
import {
  HAS_OPENSSL,
  type KeyPair,
  makeCertificate,
  makeDefaultCertificate,
  makeSignedCertificate,
} from "../support/certificate.ts";
import { until, within } from "../support/deadline.ts";
import { freePort } from "../support/loopback.ts";
import { needing } from "../support/needs.ts";
import { PRIMARY_NAME, startSentinel } from "../support/redis_sentinel.ts";
import { REDIS_SERVER, startRedis, withRedis } from "../support/redis_server.ts";

/** Server with TLS. */
interface TlsServer {
  readonly port: number;
  /** Certificate of the authority that signed the server's, for the name `localhost` alone. */
  readonly ca: string;
  /** Makes a certificate of the authority. */
  makePair(): Promise<KeyPair>;
}

function tlsTest(name: string, test: (server: TlsServer) => Promise<void>, { asksClients = false } = {}): void {
  Deno.test(needing(name, { "redis-server": REDIS_SERVER, openssl: HAS_OPENSSL }), async () => {
    const directory = await Deno.makeTempDir({ prefix: "redis-tls-" });
    try {
      const { cert: ca } = await makeDefaultCertificate(directory, "authority");
      const makePair = () => makeSignedCertificate(directory, "authority");
      const { cert, key } = await makePair();
      await Deno.writeTextFile(`${directory}/server.pem`, cert);
      await Deno.writeTextFile(`${directory}/server.key`, key);
      const port = freePort();
      const args = [
        ...["--tls-port", `${port}`, "--tls-cert-file", `${directory}/server.pem`],
        ...["--tls-key-file", `${directory}/server.key`, "--tls-ca-cert-file", `${directory}/authority.pem`],
        ...["--tls-auth-clients", asksClients ? "yes" : "no"],
      ];
      await withRedis({ args }, () => test({ port, ca, makePair }));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

/** Connects, and returns "connected" or the reason why not. */
async function outcomeOf(address: string, tls?: RedisTls, timeoutMs = 4000): Promise<string> {
  const lines: string[] = [];
  const connection: RedisConnection = openRedis({
    url: new RedisUrl(address),
    ...tls === undefined ? {} : { tls },
    timeoutMs,
    random: () => 0,
    reports: { connected() {}, failed: (_place, reason) => void lines.push(reason) },
  });
  try {
    await until("there is an outcome", () => connection.client !== undefined || lines.length > 0);
    return lines[0] ?? await connection.client?.set("key", "value").then(() => "connected") ?? "lost";
  } finally {
    await within("closing", connection.close());
  }
}

tlsTest("openRedis() connects by TLS to a server of the given authority alone", async ({ port, ca }) => {
  assertEquals(await outcomeOf(`rediss://localhost:${port}`, { ca }), "connected");
  for (const tls of [undefined, {}]) {
    const reason = await outcomeOf(`rediss://localhost:${port}`, tls);
    assert(/certificate|issuer/i.test(reason), reason);
  }
  const { cert } = await withOtherAuthority();
  assert(/certificate|signature/i.test(await outcomeOf(`rediss://localhost:${port}`, { ca: cert })));
});

async function withOtherAuthority(): Promise<KeyPair> {
  const directory = await Deno.makeTempDir({ prefix: "redis-tls-" });
  try {
    return await makeDefaultCertificate(directory, "other");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

tlsTest("openRedis() refuses a server whose certificate names another host", async ({ port, ca }) => {
  const reason = await outcomeOf(`rediss://127.0.0.1:${port}`, { ca });
  assert(/certificate|name/i.test(reason), reason);
});

tlsTest(
  "openRedis() sends the certificate of the gateway to a server that asks for one",
  async ({ port, ca, makePair }) => {
    const { cert, key } = await makePair();
    assertEquals(await outcomeOf(`rediss://localhost:${port}`, { ca, cert, key }), "connected");
    const reason = await outcomeOf(`rediss://localhost:${port}`, { ca });
    assert(/certificate/i.test(reason), reason);
  },
  { asksClients: true },
);

Deno.test(
  needing("openRedis() with TLS sends a server without TLS neither login nor command", {
    "redis-server": REDIS_SERVER,
  }),
  () =>
    withRedis({ password: "hunter2" }, async (redis) => {
      const reason = await outcomeOf(`rediss://:hunter2@127.0.0.1:${redis.port}`, {}, 400);
      assert(reason !== "connected" && !reason.includes("hunter2"), reason);
      const stats = String(await redis.command("INFO", "commandstats"));
      assertEquals(/cmdstat_(auth|hello):calls=1,/.test(stats), true, stats);
    }),
);

Deno.test(
  needing("openRedis() works with the certificate of a server as its authority", {
    "redis-server": REDIS_SERVER,
    openssl: HAS_OPENSSL,
  }),
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "redis-tls-" });
    try {
      await makeCertificate(directory);
      const port = freePort();
      const args = [
        ...["--tls-port", `${port}`, "--tls-cert-file", `${directory}/cert.pem`, "--tls-auth-clients", "no"],
        ...["--tls-key-file", `${directory}/key.pem`, "--tls-ca-cert-file", `${directory}/cert.pem`],
      ];
      const ca = await Deno.readTextFile(`${directory}/cert.pem`);
      await withRedis({ args }, async () => {
        for (const host of ["localhost", "127.0.0.1"]) {
          assertEquals(await outcomeOf(`rediss://${host}:${port}`, { ca }), "connected");
        }
      });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

Deno.test(
  needing("openRedis() with rediss+sentinel uses TLS to the sentinels and to the primary", {
    "redis-server": REDIS_SERVER,
    openssl: HAS_OPENSSL,
  }),
  async () => {
    await using scope = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "redis-tls-" });
    scope.defer(() => Deno.remove(directory, { recursive: true }));
    await makeCertificate(directory);
    const [primaryPort, sentinelPort] = [freePort(), freePort()];
    const files = [
      ...[["tls-cert-file", `${directory}/cert.pem`], ["tls-key-file", `${directory}/key.pem`]],
      ...[["tls-ca-cert-file", `${directory}/cert.pem`], ["tls-auth-clients", "no"], ["tls-replication", "yes"]],
    ];
    await startRedis(scope, {
      args: ["--tls-port", `${primaryPort}`, ...files.flatMap(([name, value]) => [`--${name}`, `${value}`])],
    });
    const lines = ["port 0", `tls-port ${sentinelPort}`, ...files.map((line) => line.join(" "))];
    await startSentinel(scope, primaryPort, lines);
    const address = `127.0.0.1:${sentinelPort}/${PRIMARY_NAME}`;
    const ca = await Deno.readTextFile(`${directory}/cert.pem`);
    const connected = (address: string, tls: RedisTls) =>
      until("it connects", async () => await outcomeOf(address, tls) === "connected");
    await connected(`rediss+sentinel://${address}`, { ca });
    assert(/certificate|issuer/i.test(await outcomeOf(`rediss+sentinel://${address}`, {})));
    assert(await outcomeOf(`redis+sentinel://${address}`, {}, 400) !== "connected");
  },
);
