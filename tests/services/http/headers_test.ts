import { assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { FieldError } from "../../../src/protocol/payload.ts";
import { answerHeaders, headerFault, joinHeaders, parseHeaders } from "../../../src/services/http/headers.ts";

Deno.test("parseHeaders() returns names in lower case, and numbers as text", () => {
  assertEquals(parseHeaders({ "X-A": "1", Accept: "a, b", Range: "bytes=0-1", "X-N": 5, "X-Empty": "" }), [
    ["x-a", "1"],
    ["accept", "a, b"],
    ["range", "bytes=0-1"],
    ["x-n", "5"],
    ["x-empty", ""],
  ]);
});

Deno.test("parseHeaders() refuses headers of the connection, and those that mislead servers", () => {
  const names = [
    ...["Host", "HOST", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "TE", "Trailer"],
    ...["Expect", "Proxy-Authorization", "Proxy-Connection", "Accept-Encoding", "Content-Encoding", "Via", "Forwarded"],
    ...["X-Forwarded-For", "X_Forwarded_For", "X-Forwarded-User", "X-Real-IP", "X-HTTP-Method-Override", "X-Method"],
    ...["X-Host", "X-HTTP-Host-Override"],
    ...["X-Original-URL", "X-Rewrite-URL", "Remote-User", "X-Remote-User", "CF-Connecting-IP", "Sec-Fetch-Site"],
  ];
  for (const name of names) assertThrows(() => parseHeaders({ [name]: "x" }), FieldError, `headers: ${name} `);
});

Deno.test("parseHeaders() refuses names and values that could begin another header", () => {
  for (const name of ["", "a b", "a:", "a\r\nb", "é", "a\0", "(a)", "a".repeat(65)]) {
    assertThrows(() => parseHeaders({ [name]: "x" }), FieldError, "headers", name);
  }
  for (const value of ["a\r\nX-B: c", "a\nb", "a\0", "é", "a".repeat(4097), null, {}, ["a"], true]) {
    assertThrows(() => parseHeaders({ "X-A": value }), FieldError, "headers", String(value));
  }
  assertThrows(() => parseHeaders({ "X-A": "1", "x-a": "2" }), FieldError, "given once");
  assertThrows(() => parseHeaders({ "X-A": "1", "X_A": "2" }), FieldError, "given once");
  const many = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`x-${index}`, ""]));
  assertThrows(() => parseHeaders(many), FieldError, "at most 32");
});

Deno.test("headerFault() accepts only what Headers takes unchanged", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (name, value) => {
      if (headerFault(name, value) !== undefined) return;
      assertEquals([...new Headers([[name, value]])], [[name.toLowerCase(), value.replace(/^[\t ]+|[\t ]+$/g, "")]]);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("joinHeaders() refuses a header that the gateway sets, also with underscores", () => {
  assertEquals(joinHeaders([["x-key", "k"]], [["x-a", "1"]]), [["x-key", "k"], ["x-a", "1"]]);
  for (const name of ["x-key", "x_key"]) {
    assertThrows(() => joinHeaders([["x-key", "k"]], [[name, "1"]]), FieldError, "is set by the gateway");
  }
});

Deno.test("answerHeaders() drops those of the connection, and those that repeat a secret", () => {
  const headers = new Headers({ Connection: "close", "Keep-Alive": "1", "X-Echo": "key=secret-1;", ETag: "1" });
  headers.append("Set-Cookie", "a=1");
  assertEquals({ ...answerHeaders(headers, { hasLogin: true, secrets: ["secret-1"] }) }, { etag: "1" });
  assertEquals({ ...answerHeaders(headers, { hasLogin: false, secrets: [] }) }, {
    etag: "1",
    "set-cookie": "a=1",
    "x-echo": "key=secret-1;",
  });
});

Deno.test("answerHeaders() drops those that Connection names", () => {
  const headers = new Headers({ Connection: "close, X-Hop", "X-Hop": "1", ETag: "1" });
  assertEquals({ ...answerHeaders(headers, { hasLogin: false, secrets: [] }) }, { etag: "1" });
});
