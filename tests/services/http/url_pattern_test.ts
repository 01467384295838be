import { assert, assertThrows } from "@std/assert";
import { isUrlPattern, matchesUrl, namesLoopback, parseUrlPattern } from "../../../src/services/http/url_pattern.ts";

const matches = (pattern: string, url: string) => matchesUrl(parseUrlPattern(pattern), new URL(url));

Deno.test("matchesUrl() compares scheme, host, port and path", () => {
  const cases: [pattern: string, matching: string[], others: string[]][] = [
    ["http://nas.lan", ["http://nas.lan/", "http://NAS.lan:80/x"], [
      "https://nas.lan/",
      "http://nas.lan:81/",
      "http://a.nas.lan/",
    ]],
    ["http://nas.lan:*", ["http://nas.lan/", "http://nas.lan:81/"], ["https://nas.lan/"]],
    ["nas.lan", ["http://nas.lan/", "https://nas.lan:8443/"], ["http://nas.lan.evil/", "http://xnas.lan/"]],
    ["https://*.example", ["https://a.example/", "https://a.b.example/"], [
      "https://example/",
      "https://a.example:444/",
    ]],
    ["10.0.0.0/8", ["http://10.1.2.3:99/", "https://10.0.0.1/"], ["http://11.0.0.1/", "http://ten.lan/"]],
    ["http://10.0.0.0/8:8080/api", ["http://10.1.2.3:8080/api", "http://10.1.2.3:8080/api/x"], [
      "http://10.1.2.3:8080/apix",
      "http://10.1.2.3:8080/",
    ]],
    ["http://[fd00::/8]:80", ["http://[fd00::1]/"], ["http://[fe00::1]/"]],
    ["http://192.168.1.20:5000/api/", ["http://192.168.1.20:5000/api/x"], [
      "http://192.168.1.20:5000/api",
      "http://192.168.1.20:5001/api/x",
    ]],
    ["*", ["http://a/", "https://10.0.0.1:99/x"], []],
    ["*:8080", ["http://a:8080/", "https://b:8080/"], ["http://a/"]],
    ["http://*", ["http://a/"], ["https://a/", "http://a:81/"]],
  ];
  for (const [pattern, matching, others] of cases) {
    for (const url of matching) assert(matches(pattern, url), `${pattern} ${url}`);
    for (const url of others) assert(!matches(pattern, url), `${pattern} ${url}`);
  }
});

Deno.test("parseUrlPattern() refuses what is not a pattern", () => {
  const texts = [
    "",
    "ftp://x",
    "http://",
    "http://a:0",
    "http://a:65536",
    "http://u:p@a",
    "http://a/../b",
    "http://a?x",
    "10.0.0.0/33",
    "a b",
    "http://a/*",
  ];
  for (const text of texts) {
    assertThrows(() => parseUrlPattern(text), SyntaxError);
    assert(!isUrlPattern(text), text);
  }
});

Deno.test("namesLoopback() is true only for patterns of loopback addresses alone", () => {
  const names = (pattern: string) => namesLoopback(parseUrlPattern(pattern));
  for (const pattern of ["http://127.0.0.1:9464", "localhost", "[::1]:80", "127.0.0.0/8", "127.0.0.1/32:80"]) {
    assert(names(pattern), pattern);
  }
  for (const pattern of ["*:80", "nas.lan:80", "*.localhost", "127.0.0.0/4", "0.0.0.0/0", "10.0.0.0/8", "[::/0]"]) {
    assert(!names(pattern), pattern);
  }
});
