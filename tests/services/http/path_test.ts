import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { isPathPattern, matchesPath, pathFault } from "../../../src/services/http/path.ts";

Deno.test("pathFault() accepts paths with one reading", () => {
  for (
    const path of ["/", "/a", "/api/events", "/a/", "/a.b/c_d~e", "/.well-known/x", "/a%20b", "/%C3%A9", "/x:(1)@2,3+4"]
  ) {
    assertEquals(pathFault(path), undefined, path);
  }
});

Deno.test("pathFault() refuses every path that a server could read in another way", () => {
  const refused = [
    ...[
      "",
      "a",
      "//",
      "/a//b",
      "//host/x",
      "/a/../b",
      "/..",
      "/a/.",
      "/./a",
      "/a/.../b",
      "/a/....",
      "\\a",
      "/a\\..\\b",
    ],
    ...["/a/%2e%2e/b", "/a/%2E./b", "/a/.%2e/b", "/a%2fb", "/a%2Fb", "/a%5cb", "/a%5Cb", "/a%252e", "/a%25", "/a%00"],
    ...["/a%0d%0ab", "/a\r\nb", "/a\tb", "/a b", "/a\u0000", "/a%7f", "/a%", "/a%1", "/a%zz", "/a?b", "/a#b", "/a%3fb"],
    ...["/a%23b", "/a;b", "/a/..;/b", "/a%3bb", "/é", "/a%ff", "/a%c0%ae", "/a%e0%80%ae", `/${"a".repeat(2048)}`],
  ];
  for (const path of refused) assert(pathFault(path) !== undefined, path);
});

Deno.test("pathFault() accepts only what a URL parser leaves as it is", () => {
  const piece = fc.constantFrom(
    "/",
    ".",
    "..",
    "%2e",
    "%2F",
    "%41",
    "%C3%A9",
    "a",
    "\\",
    ";",
    "?",
    "#",
    "//",
    " ",
    "\t",
    "@",
    ":",
    "%",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const path = `/${pieces.join("")}`;
      if (pathFault(path) !== undefined) return;
      const url = new URL(`http://host${path}`);
      assertEquals([url.pathname, url.host, url.search, url.hash], [path, "host", "", ""]);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("pathFault() accepts only paths that no number of decodings changes the segments of", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("%", "2", "5", "e", "E", "f", ".", "/", "c", "a", "0"), { maxLength: 16 }),
      (chars) => {
        const path = `/${chars.join("")}`;
        if (pathFault(path) !== undefined) return;
        const decoded = decodeURIComponent(path);
        assertEquals(decoded.split("/").length, path.split("/").length);
        assert(!/%|\\|(^|\/)\.+(\/|$)/.test(decoded), path);
      },
    ),
    { numRuns: 5000 },
  );
});

Deno.test("matchesPath() matches * within a segment, and ** across segments", () => {
  const cases: [pattern: string, matching: string[], others: string[]][] = [
    ["/api/**", ["/api/", "/api/a", "/api/a/b/c"], ["/api", "/apix", "/", "/x/api/a"]],
    ["/api/*", ["/api/", "/api/a"], ["/api/a/b", "/api"]],
    ["/api/*/snap.jpg", ["/api/front/snap.jpg"], ["/api/a/b/snap.jpg", "/api/front/snapxjpg", "/api/front/snap.jpg/x"]],
    ["/**/snap", ["/a/snap", "/a/b/snap", "//snap"], ["/snap", "/a/snapx"]],
    ["/**", ["/", "/a", "/a/b"], []],
    ["/a", ["/a"], ["/a/", "/A", "/ab", "/"]],
    ["/a*b*c", ["/abc", "/axbxc", "/aabbcc"], ["/ab", "/a/bc"]],
    ["/a(+", ["/a(+"], ["/a", "/aa"]],
  ];
  for (const [pattern, matching, others] of cases) {
    for (const path of matching) assert(matchesPath(pattern, path), `${pattern} ${path}`);
    for (const path of others) assert(!matchesPath(pattern, path), `${pattern} ${path}`);
  }
});

Deno.test("matchesPath() agrees with a regular expression", () => {
  const char = fc.constantFrom("a", "b", "/", ".");
  const token = fc.constantFrom("a", "b", "/", ".", "*", "**");
  fc.assert(
    fc.property(fc.array(token, { maxLength: 6 }), fc.array(char, { maxLength: 8 }), (tokens, chars) => {
      const [pattern, path] = [`/${tokens.join("")}`, `/${chars.join("")}`];
      const source = pattern.replaceAll(/\*\*|\*|\./g, (one) => ({ "**": ".*", "*": "[^/]*", ".": "\\." }[one] ?? one));
      assertEquals(matchesPath(pattern, path), new RegExp(`^${source}$`).test(path), `${pattern} ${path}`);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("matchesPath() takes no longer for a path that fits many readings", () => {
  const pattern = "/**a**a**a**a*a*a*a";
  assert(isPathPattern(pattern));
  // A search through all readings would not end.
  assert(!matchesPath(pattern, `/${"a".repeat(2000)}b`));
});

Deno.test("isPathPattern() refuses patterns that match no path, and those with many wildcards", () => {
  for (const pattern of ["", "api", "/a//b", "/../**", "/a;b", "/a?b", "/%2e/**", `/${"*a".repeat(9)}`, "**"]) {
    assert(!isPathPattern(pattern), pattern);
  }
  for (const pattern of ["/", "/**", "/api/*/x", "/*.jpg", "/a%20b"]) assert(isPathPattern(pattern), pattern);
});
