import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { HttpTargets } from "../../../src/services/http/section.ts";
import { HTTP_SECTION } from "../../../src/services/http/section.ts";
import { checkCertificates, Transports } from "../../../src/services/http/transport.ts";
import { readSection } from "../../../src/services/section.ts";
import { ServiceError } from "../../../src/services/service.ts";
import {
  HAS_OPENSSL,
  makeCertificate,
  makeDefaultCertificate,
  makeSignedCertificate,
} from "../../support/certificate.ts";
import { makeHttpService, startHttpServer } from "../../support/http_service.ts";
import { fakePlatform } from "../../support/platform.ts";
import { needing } from "../../support/needs.ts";
import { inTempDir } from "../../support/temp_dir.ts";

const NEEDS = { openssl: HAS_OPENSSL };

const NEVER = new AbortController().signal;

Deno.test("send() connects to a given address, with the name of the URL in Host", async () => {
  await using server = startHttpServer();
  const transports = new Transports(fakePlatform());
  const url = new URL(`http://cam.example:${server.port}/a%41/b?x=1`);
  const destination = { name: "cam", url, headers: [], target: undefined, isLoopbackNamed: false, isPortNamed: false };
  const message = { destination, method: "GET", headers: [], body: undefined } as const;
  const { response } = await transports.send(message, { address: "127.0.0.1", signal: NEVER });
  assertEquals(await response.text(), "ok");
  assertEquals(server.seen.map(({ url, headers }) => [url, headers.get("host")]), [
    [url.href, `cam.example:${server.port}`],
  ]);
  await transports.close();
});

Deno.test(
  needing("a target with caFile trusts that certificate, and a target without it does not", NEEDS),
  async () => {
    await inTempDir(async (directory) => {
      await makeCertificate(directory);
      const pair = {
        cert: await Deno.readTextFile(`${directory}/cert.pem`),
        key: await Deno.readTextFile(`${directory}/key.pem`),
      };
      await using server = startHttpServer(
        () =>
          new Response("secure", {
            headers: [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"], ["Content-Type", "text/plain"]],
          }),
        pair,
      );
      const target = { url: `https://localhost:${server.port}`, paths: ["/**"], methods: ["POST", "GET"] };
      await using home = makeHttpService({
        targets: { own: { ...target, caFile: `${directory}/cert.pem` }, unknown: target },
      });
      for (const request of [{ method: "GET" }, { method: "POST", body: { a: 1 } }]) {
        const reply = await home.call({ target: "own", path: "/x", ...request });
        assertEquals([reply.status, reply.bodyJson], [200, '"secure"']);
        assertEquals((reply.members?.["headers"] as Record<string, string>)["set-cookie"], "a=1\nb=2");
      }
      assertEquals(server.seen.map(({ method, body }) => [method, body]), [["GET", ""], ["POST", '{"a":1}']]);
      assertEquals(server.seen[0]?.headers.get("accept-encoding"), "identity");
      const error = await assertRejects(() => home.call({ target: "unknown", path: "/x" }), ServiceError);
      assertStringIncludes(error.message, "certificate");
      assertEquals(server.seen.length, 2);
    });
  },
);

Deno.test(needing("a target with certFile proves itself, with caFile and without it", NEEDS), async () => {
  await inTempDir(async (directory) => {
    // The client's authority, which the server knows, and the server's own certificate.
    await makeDefaultCertificate(directory, "authority");
    const client = await makeSignedCertificate(directory, "authority");
    await Deno.writeTextFile(`${directory}/client.pem`, client.cert);
    await Deno.writeTextFile(`${directory}/client.key`, client.key);
    await makeCertificate(directory);
    const { createServer } = await import("node:https");
    const names: string[] = [];
    const server = createServer({
      cert: await Deno.readTextFile(`${directory}/cert.pem`),
      key: await Deno.readTextFile(`${directory}/key.pem`),
      ca: await Deno.readTextFile(`${directory}/authority.pem`),
      requestCert: true,
      rejectUnauthorized: true,
    }, (_request, response) => {
      names.push("served");
      response.end("mutual");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const address = server.address();
      const port = typeof address === "object" ? address?.port : 0;
      const target = { url: `https://localhost:${port}`, paths: ["/**"], caFile: `${directory}/cert.pem` };
      await using home = makeHttpService({
        targets: {
          proven: { ...target, certFile: `${directory}/client.pem`, keyFile: `${directory}/client.key` },
          unknown: target,
        },
      });
      assertEquals((await home.call({ target: "proven", path: "/x" })).bodyJson, '"mutual"');
      await assertRejects(() => home.call({ target: "unknown", path: "/x" }), ServiceError);
      assertEquals(names.length, 1);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

Deno.test(needing("a file that cannot be used is named to the operator, and not to the client", NEEDS), async () => {
  await inTempDir(async (directory) => {
    await makeCertificate(directory);
    const target = { url: "https://nas.lan", paths: ["/**"] };
    const section = {
      missing: { ...target, caFile: `${directory}/missing.pem` },
      empty: { ...target, caFile: `${directory}/key.pem` },
      other: { ...target, certFile: `${directory}/key.pem`, keyFile: `${directory}/key.pem` },
    };
    const targets: HttpTargets = readSection(HTTP_SECTION, { http: section });
    await using home = makeHttpService({ targets: section });
    for (
      const [name, fault] of [["missing", "http.missing.caFile"], ["empty", "http.empty.caFile"], [
        "other",
        "http.other.certFile",
      ]] as const
    ) {
      const found = targets[name];
      if (found === undefined) throw new Error("No target");
      const error = await assertRejects(() => checkCertificates(name, found, fakePlatform()), Error);
      assertStringIncludes(error.message, fault);
      const answered = await assertRejects(() => home.call({ target: name, path: "/x" }), ServiceError);
      assertEquals(answered.message, `The certificates of ${name} cannot be used: run deno task check-config`);
    }
  });
});

Deno.test(needing("a file that was missing is read again at the next request", NEEDS), async () => {
  await inTempDir(async (directory) => {
    await inTempDir((other) =>
      makeCertificate(other).then(async () => {
        const pair = {
          cert: await Deno.readTextFile(`${other}/cert.pem`),
          key: await Deno.readTextFile(`${other}/key.pem`),
        };
        await using server = startHttpServer(() => new Response("ok"), pair);
        await using home = makeHttpService({
          targets: { a: { url: `https://localhost:${server.port}`, paths: ["/**"], caFile: `${directory}/ca.pem` } },
        });
        await assertRejects(() => home.call({ target: "a", path: "/x" }), ServiceError);
        await Deno.writeTextFile(`${directory}/ca.pem`, pair.cert);
        assertEquals((await home.call({ target: "a", path: "/x" })).status, 200);
      })
    );
  });
});
