/** Origins that ALLOWED_ORIGINS accepts. */
import { assertEquals, assertThrows } from "@std/assert";
import { parseConfig } from "../../src/config/parse.ts";
import { parseOrigin } from "../../src/net/host.ts";

Deno.test("parseOrigin() reads an origin as browsers write it", () => {
  for (
    const [text, origin] of [
      ["https://app.example", "https://app.example"],
      ["https://App.Example:443/", "https://app.example"],
      ["https://app.example:8443", "https://app.example:8443"],
      ["https://bücher.example", "https://xn--bcher-kva.example"],
      ["https://[2001:db8::0:1]", "https://[2001:db8::1]"],
      ["http://localhost:5173", "http://localhost:5173"],
      ["http://127.0.0.1", "http://127.0.0.1"],
      ["http://[::1]:80", "http://[::1]"],
    ] as const
  ) assertEquals(parseOrigin(text), origin);
});

Deno.test("parseOrigin() rejects everything except one exact origin, and plain HTTP on other machines", () => {
  for (
    const text of [
      "*",
      "null",
      "",
      "app.example",
      "https://",
      "https://*",
      "https://*.app.example",
      "https://app.example/page",
      "https://app.example//",
      "https://app.example?",
      "https://app.example/?a=b",
      "https://app.example#",
      "https://user@app.example",
      "https://user:password@app.example",
      "http://app.example",
      "http://192.168.1.10",
      "http://localhost.app.example",
      "ftp://app.example",
      "wss://app.example",
      "file:///page.html",
      "javascript:alert(1)",
      "data:text/html,",
      "capacitor://localhost",
      "https://a.example\r\nX: y",
    ]
  ) assertThrows(() => parseOrigin(text), TypeError, "must be exact origins", text);
});

Deno.test("ALLOWED_ORIGINS is a list of origins, empty by default, with an error for invalid ones", () => {
  assertEquals(parseConfig({}).server.allowedOrigins, []);
  const ALLOWED_ORIGINS = "https://a.example/, HTTP://LOCALHOST:5173";
  assertEquals(parseConfig({ ALLOWED_ORIGINS }).server.allowedOrigins, ["https://a.example", "http://localhost:5173"]);
  assertThrows(
    () => parseConfig({ ALLOWED_ORIGINS: "https://a.example,*" }),
    Error,
    "ALLOWED_ORIGINS must be exact origins such as https://app.example",
  );
});
