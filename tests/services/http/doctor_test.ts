import { assertEquals, assertStringIncludes } from "@std/assert";
import { HTTP_CHECK } from "../../../src/services/http/doctor.ts";
import { makeContext, NEVER_ABORTED } from "../../support/doctor_context.ts";
import { startHttpServer } from "../../support/http_service.ts";
import { freePort } from "../../support/loopback.ts";

const check = (http: Record<string, unknown>) =>
  HTTP_CHECK.run(makeContext({ sections: { http }, machine: { fetch } }), NEVER_ABORTED);

Deno.test("doctor skips the targets where there are none", async () => {
  assertEquals((await HTTP_CHECK.run(makeContext(), NEVER_ABORTED)).status, "skipped");
});

Deno.test("doctor asks each target by HEAD, without the gateway's login", async () => {
  await using server = startHttpServer(() => new Response(null, { status: 401 }));
  const target = { url: `${server.origin}/base`, paths: ["/**"], bearer: "secret", query: { key: "secret" } };
  assertEquals(await check({ frigate: target }), { status: "ok", message: `frigate (${server.origin}) answers` });
  assertEquals(server.seen.map(({ method, url, headers }) => [method, url, headers.get("authorization")]), [
    ["HEAD", `${server.origin}/base/`, null],
  ]);
});

Deno.test("doctor reports targets that fail, and names no secret", async () => {
  await using server = startHttpServer(() => new Response(null, { status: 503 }));
  const closed = `http://127.0.0.1:${freePort()}`;
  const finding = await check({
    one: { url: server.origin, paths: ["/**"] },
    two: { url: closed, paths: ["/**"], bearer: "secret" },
    three: { url: "https://nas.lan", paths: ["/**"], caFile: "/nowhere/ca.pem" },
  });
  assertEquals(finding.status, "failed");
  assertStringIncludes(finding.message, `one (${server.origin}) answers with status 503`);
  assertStringIncludes(finding.message, `two (${closed}) refuses connections: nothing listens there`);
  assertStringIncludes(finding.message, 'http.three.caFile "/nowhere/ca.pem" cannot be read');
  assertEquals(finding.message.includes("secret"), false);
});
