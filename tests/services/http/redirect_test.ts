import { assertEquals, assertRejects } from "@std/assert";
import { HTTP_RIGHTS } from "../../../src/services/http/rights.ts";
import { ServiceError } from "../../../src/services/service.ts";
import {
  type HttpServiceParts,
  makeHttpService,
  type SeenRequest,
  startHttpServer,
} from "../../support/http_service.ts";

const redirect = (location: string, status = 302) => new Response("moved", { status, headers: { Location: location } });

/** Two servers: the first redirects by `to`, and answers `done` elsewhere. */
async function withRedirect(
  { to, status = 302, policy, parts = {}, request = {} }: {
    readonly to: string;
    readonly status?: number;
    readonly policy?: string;
    readonly parts?: HttpServiceParts;
    readonly request?: Record<string, unknown>;
  },
) {
  await using other = startHttpServer(() => new Response("other"));
  await using server = startHttpServer(({ url }) =>
    new URL(url).pathname === "/api/start" ? redirect(to.replace("OTHER", other.origin), status) : new Response("done")
  );
  await using home = makeHttpService({
    targets: {
      a: {
        url: server.origin,
        paths: ["/api/**"],
        methods: ["GET", "POST"],
        headers: { "X-Key": "secret-1" },
        ...policy === undefined ? {} : { redirects: policy },
      },
    },
    ...parts,
    allowed: (parts.allowed ?? []).map((entry) => entry.replace("OTHER", other.origin)),
  });
  const reply = await home.call({ target: "a", path: "/api/start", ...request });
  const describe = ({ method, url, headers, body }: SeenRequest) =>
    `${method} ${new URL(url).pathname}${new URL(url).search} key=${headers.get("x-key")} auth=${
      headers.get("cookie")
    } ${body}`;
  return {
    answer: [reply.status, reply.bodyJson],
    first: server.seen.slice(1).map(describe),
    other: other.seen.map(describe),
  };
}

const PASSED = [302, '"moved"'];

Deno.test("a redirect is the answer by default", async () => {
  assertEquals(await withRedirect({ to: "/api/next" }), { answer: PASSED, first: [], other: [] });
});

Deno.test("redirects: same-origin follows within the target, with its login, and nowhere else", async () => {
  const policy = "same-origin";
  assertEquals(await withRedirect({ to: "/api/next?x=1", policy }), {
    answer: [200, '"done"'],
    first: ["GET /api/next?x=1 key=secret-1 auth=null "],
    other: [],
  });
  const refused = [
    "/admin",
    "/api/../admin",
    "/api/%2e%2e/admin",
    "/api//x",
    "OTHER/api/next",
    "//[::1]/api/x",
    "file:///etc/passwd",
    "http://169.254.169.254/",
    "http://",
  ];
  for (const to of refused) {
    assertEquals(await withRedirect({ to, policy, parts: { allowed: ["OTHER", "*"] } }), {
      answer: PASSED,
      first: [],
      other: [],
    }, to);
  }
});

Deno.test("redirects: follow goes to another server only as HTTP_ALLOWED and the key allow, without any login", async () => {
  const request = { headers: { Cookie: "c=1", "X-Other": "1" } };
  const policy = "follow";
  assertEquals(await withRedirect({ to: "OTHER/x?y=1", policy, request, parts: { allowed: ["OTHER"] } }), {
    answer: [200, '"other"'],
    first: [],
    other: ["GET /x?y=1 key=null auth=null "],
  });
  assertEquals((await withRedirect({ to: "OTHER/x", policy })).answer, PASSED);
  const rights = { ...HTTP_RIGHTS.all, urls: [] };
  assertEquals((await withRedirect({ to: "OTHER/x", policy, parts: { allowed: ["OTHER"], rights } })).answer, PASSED);
});

Deno.test("a redirect with a secret of the target is not followed to another server", async () => {
  assertEquals(await withRedirect({ to: "OTHER/x?t=secret-1", policy: "follow", parts: { allowed: ["OTHER"] } }), {
    answer: PASSED,
    first: [],
    other: [],
  });
});

Deno.test("a redirect never leads to an address that is refused, or to a name that is not found", async () => {
  const lookup = (host: string) =>
    host === "self.lan" ? Promise.resolve(["127.0.0.1"]) : Promise.reject(new Error("No"));
  const parts = { allowed: ["*"], lookup };
  const refused = ["http://169.254.169.254/latest", "http://127.0.0.1:81/", "http://[::1]:81/", "http://self.lan/"];
  for (const to of [...refused, "http://nowhere.lan/"]) {
    assertEquals(await withRedirect({ to, policy: "follow", parts }), { answer: PASSED, first: [], other: [] }, to);
  }
});

Deno.test("a redirect changes the method as the Fetch standard has it", async () => {
  const sentBy = async (status: number) => {
    const request = { method: "POST", body: "text", headers: { "Content-Type": "text/plain" } };
    return (await withRedirect({ to: "/api/next", status, policy: "same-origin", request })).first;
  };
  for (const status of [301, 302, 303]) assertEquals(await sentBy(status), ["GET /api/next key=secret-1 auth=null "]);
  for (const status of [307, 308]) assertEquals(await sentBy(status), ["POST /api/next key=secret-1 auth=null text"]);
});

Deno.test("a body is never sent to another server", async () => {
  const request = { method: "POST", body: "text" };
  const parts = { allowed: ["OTHER"] };
  const { answer, other } = await withRedirect({ to: "OTHER/x", status: 307, policy: "follow", request, parts });
  assertEquals([answer, other], [[307, '"moved"'], []]);
});

Deno.test("redirects are followed for a URL without a target, each as the key allows", async () => {
  await using server = startHttpServer(({ url }) => {
    const { pathname } = new URL(url);
    return pathname === "/a/start"
      ? redirect("/a/next")
      : pathname === "/a/out"
      ? redirect("/b")
      : new Response("done");
  });
  await using home = makeHttpService({ allowed: [`${server.origin}/a`] });
  const ask = async (path: string) => (await home.call({ url: server.origin + path })).bodyJson;
  assertEquals([await ask("/a/start"), await ask("/a/out")], ['"done"', '"moved"']);
  assertEquals(server.seen.map(({ method, url }) => `${method} ${new URL(url).pathname}`), [
    "POST /a/start",
    "GET /a/next",
    "POST /a/out",
  ]);
});

Deno.test("an endless chain of redirects ends with an error", async () => {
  await using server = startHttpServer(() => redirect("/api/start"));
  await using home = makeHttpService({
    targets: { a: { url: server.origin, paths: ["/**"], redirects: "same-origin" } },
  });
  const error = await assertRejects(() => home.call({ target: "a", path: "/api/start" }), ServiceError);
  assertEquals([error.status, error.code, error.message], [502, "service_answer", "a redirects more than 5 times"]);
  assertEquals(server.seen.length, 6);
});
