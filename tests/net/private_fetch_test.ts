import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { createPrivateFetch } from "../../src/net/private_fetch.ts";
import { HAS_OPENSSL, type KeyPair, makeDefaultCertificate, makeSignedCertificate } from "../support/certificate.ts";
import { withTcpServer } from "../support/loopback.ts";
import { needing } from "../support/needs.ts";

const NEEDS = { openssl: HAS_OPENSSL };

/** Certificates: `own` and `other` as OpenSSL makes them, one that each of them signed. */
async function makeCertificates() {
  const directory = await Deno.makeTempDir();
  try {
    const [own, other] = await Promise.all(
      ["own", "other"].map((name) => makeDefaultCertificate(directory, name)),
    );
    if (own === undefined || other === undefined) throw new Error("No certificates");
    return {
      own,
      other,
      signed: await makeSignedCertificate(directory, "own"),
      forged: await makeSignedCertificate(directory, "other"),
    };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Runs a server with HTTPS for the time of a test; `seen` are the bodies that reached it. */
async function withServer(
  pair: KeyPair,
  test: (port: number, seen: readonly string[]) => Promise<void>,
  handler: (request: Request) => Response = () => new Response("answer", { headers: { "X-Header": "value" } }),
): Promise<void> {
  const seen: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {}, ...pair }, async (request) => {
    seen.push(await request.text());
    return handler(request);
  });
  try {
    await test(server.addr.port, seen);
  } finally {
    await server.shutdown();
  }
}

const post = (send: typeof fetch, url: string) => send(url, { method: "POST", body: new Blob(["secret é"]) });

/** Returns the reason of a failed request. */
async function causeOf(request: Promise<Response>): Promise<string> {
  return String((await assertRejects(() => request, TypeError)).cause);
}

Deno.test(
  needing("createPrivateFetch() trusts the very certificate that it is given, whatever its name", NEEDS),
  async () => {
    const { own } = await makeCertificates();
    const send = createPrivateFetch(own.cert);
    await withServer(own, async (port, seen) => {
      for (const host of ["localhost", "127.0.0.1"]) {
        const response = await post(send, `https://${host}:${port}/`);
        assertEquals([response.status, response.headers.get("X-Header")], [200, "value"]);
        assertEquals(await response.text(), "answer");
      }
      assertEquals(seen, ["secret é", "secret é"]);
    });
  },
);

Deno.test(needing("createPrivateFetch() trusts what an authority signed, under its name alone", NEEDS), async () => {
  const { own, signed } = await makeCertificates();
  const send = createPrivateFetch(own.cert);
  await withServer(signed, async (port, seen) => {
    await (await post(send, `https://localhost:${port}/`)).body?.cancel();
    assertStringIncludes(await causeOf(post(send, `https://127.0.0.1:${port}/`)), "ERR_TLS_CERT_ALTNAME_INVALID");
    assertEquals(seen.length, 1);
  });
});

Deno.test(
  needing("createPrivateFetch() sends nothing to a server with another certificate of the same name", NEEDS),
  async () => {
    const { own, other, forged } = await makeCertificates();
    const send = createPrivateFetch(own.cert);
    for (const pair of [other, forged]) {
      await withServer(pair, async (port, seen) => {
        assertStringIncludes(await causeOf(post(send, `https://localhost:${port}/`)), "client error (Connect): ");
        assertEquals(seen, []);
      });
    }
  },
);

Deno.test(
  needing(
    "createPrivateFetch() reads large answers, answers without a body, and stops when its signal is aborted",
    NEEDS,
  ),
  async () => {
    const { own } = await makeCertificates();
    const send = createPrivateFetch(own.cert);
    const answers: Record<string, () => Response> = {
      "/large": () => new Response("x".repeat(3_000_000)),
      "/none": () => new Response(null, { status: 204 }),
      "/redirect": () => new Response(null, { status: 302, headers: { "Location": "/large" } }),
      "/endless": () =>
        new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(9)) })),
    };
    await withServer(own, async (port) => {
      const ask = (path: string, init?: RequestInit) => send(`https://localhost:${port}${path}`, init);
      assertEquals((await (await ask("/large")).text()).length, 3_000_000);
      assertEquals([(await ask("/none")).status], [204]);
      const redirect = await ask("/redirect", { redirect: "manual" });
      assertEquals([redirect.status, await redirect.text()], [302, ""]);
      const stop = new AbortController();
      const endless = await ask("/endless", { signal: stop.signal });
      stop.abort();
      await assertRejects(() => endless.text());
      await assertRejects(() => ask("/large", { signal: AbortSignal.abort(new Error("Stopped")) }), Error, "Stopped");
    }, (request) => answers[new URL(request.url).pathname]?.() ?? new Response());
  },
);

Deno.test(
  needing("createPrivateFetch() distinguishes a server that closes the connection from an unreachable one", NEEDS),
  async () => {
    const { own } = await makeCertificates();
    const send = createPrivateFetch(own.cert);
    let port = 0;
    await withTcpServer((connection) => Promise.resolve(connection.close()), async (at) => {
      port = at;
      assertStringIncludes(await causeOf(post(send, `https://localhost:${port}/`)), "client error (Connect)");
    });
    assertStringIncludes(await causeOf(post(send, `https://127.0.0.1:${port}/`)), "ECONNREFUSED");
  },
);

Deno.test(
  needing("createPrivateFetch() reports no failure to connect once the server may have read the request", NEEDS),
  async () => {
    const { own } = await makeCertificates();
    const send = createPrivateFetch(own.cert);
    using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...own });
    const serve = async () => {
      using connection = await listener.accept();
      await connection.read(new Uint8Array(1000));
    };
    const [cause] = await Promise.all([causeOf(post(send, `https://localhost:${listener.addr.port}/`)), serve()]);
    assertStringIncludes(cause, "client error (SendRequest)");
  },
);

Deno.test("createPrivateFetch() refuses a file without a certificate", () => {
  for (const pem of ["", "-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----"]) {
    assertThrows(() => createPrivateFetch(pem), Error, "no certificate");
  }
  assertThrows(() => createPrivateFetch("-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----"));
});
