import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fetchCause } from "../../src/lib/fetch_failure.ts";
import { freePort } from "../support/loopback.ts";

Deno.test("fetchCause() returns the reason of a failure, and nothing of the URL", async () => {
  for (const path of ["/a?key=secret-1", "/a)b:?key=secret-1", "/a(b)?key=secret-1"]) {
    const error = await assertRejects(() => fetch(`http://127.0.0.1:${freePort()}${path}`));
    const { message } = fetchCause(error);
    assertStringIncludes(message, "its address): client error (Connect)");
    assertStringIncludes(message, "refused");
    assert(!message.includes("secret") && !message.includes("127.0.0.1"), message);
  }
});

Deno.test("fetchCause() describes an error without a cause, and any other value", () => {
  assertEquals(fetchCause(new TypeError("Invalid URL: 'https://a/?b'")).message, "Invalid URL: 'its address");
  assertEquals(fetchCause("text").message, "text");
});
