import { assertEquals, assertMatch } from "@std/assert";
import { badRequest, bodyTooLarge } from "../../src/http/errors.ts";
import { createRouter, READ_METHODS, type RoutedRequest, toHttpError } from "../../src/http/router.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";

function makeRouter(intercept?: (routed: RoutedRequest<"/read" | "/write" | "/broken">) => Response | undefined) {
  const errors: unknown[] = [];
  const handler = createRouter({
    routes: [
      { path: "/read", label: "/read", methods: READ_METHODS, handle: () => new Response("read") },
      { path: "/write", label: "/write", methods: ["POST"], handle: () => Promise.reject(bodyTooLarge()) },
      { path: "/broken", label: "/broken", methods: ["POST"], handle: () => Promise.reject(new Error("secret")) },
    ],
    randomBytes,
    ...intercept === undefined ? {} : { intercept },
    onError(error) {
      errors.push(error);
      return toHttpError(error);
    },
  });
  const send = (path: string, method = "GET") => handler(new Request(`http://gateway${path}`, { method }), "192.0.2.1");
  return { send, errors };
}

Deno.test("createRouter() answers HEAD like GET, and each response has an id", async () => {
  const { send, errors } = makeRouter();
  const responses = [await send("/read"), await send("/read", "HEAD"), await send("//read"), await send("/nothing")];
  assertEquals(responses.map(({ status }) => status), [200, 200, 200, 404]);
  for (const { headers } of responses) assertMatch(headers.get("X-Request-Id") ?? "", /^[0-9a-f]{16}$/);
  assertEquals(errors.length, 1);
});

Deno.test("createRouter() refuses other methods with 405 and Allow", async () => {
  const { send } = makeRouter();
  const [read, write] = [await send("/read", "POST"), await send("/write")];
  assertEquals([read.status, read.headers.get("Allow")], [405, "GET, HEAD"]);
  assertEquals([write.status, write.headers.get("Allow")], [405, "POST"]);
});

Deno.test("createRouter() answers errors as onError() returns them, and other errors without their message", async () => {
  const { send, errors } = makeRouter();
  const [tooLarge, broken] = [await send("/write", "POST"), await send("/broken", "POST")];
  assertEquals([tooLarge.status, await tooLarge.json()], [413, { error: "Request body too large" }]);
  assertEquals([broken.status, await broken.json()], [500, { error: "Internal error" }]);
  assertEquals(errors.length, 2);
});

Deno.test("createRouter() calls intercept() before path and method are checked", async () => {
  const { send } = makeRouter(({ entry, origin }) => {
    if (entry === undefined) throw badRequest();
    return entry.path === "/write" ? new Response(origin.address) : undefined;
  });
  const [lost, write, read] = [await send("/nothing"), await send("/write"), await send("/read")];
  assertEquals([lost.status, await write.text(), await read.text()], [400, "192.0.2.1", "read"]);
});
