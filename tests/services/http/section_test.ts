import { assert, assertEquals } from "@std/assert";
import { hasLogin, HTTP_SECTION, secretsOf } from "../../../src/services/http/section.ts";
import { readSection } from "../../../src/services/section.ts";

const TARGET = { url: "http://192.168.1.20:5000", paths: ["/api/**"] };

/** Returns the faults of a target, each as its path and its message. */
function faults(target: unknown): string[] {
  const result = HTTP_SECTION.safeParse({ frigate: target });
  return result.error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];
}

Deno.test("a target needs an address and paths, and allows GET alone by default", () => {
  assertEquals(faults(TARGET), []);
  const { frigate } = readSection(HTTP_SECTION, { http: { frigate: TARGET } });
  assertEquals([frigate?.methods, frigate?.redirects, frigate?.timeout, frigate?.url.href], [
    ["GET"],
    "none",
    undefined,
    "http://192.168.1.20:5000/",
  ]);
  assertEquals(readSection(HTTP_SECTION, {}), {});
  assert(faults({ url: TARGET.url }).some((fault) => fault.startsWith("frigate.paths: ")));
  assert(faults({ paths: ["/"] }).some((fault) => fault.startsWith("frigate.url: ")));
});

Deno.test("a target is strict in every field", () => {
  const wrong: [Record<string, unknown>, string][] = [
    [{ path: "/x" }, "frigate: "],
    [{ url: "ftp://a" }, "frigate.url: "],
    [{ url: "http://u:p@a" }, "frigate.url: must not contain a user name or password"],
    [{ url: "http://a/?key=1" }, "frigate.url: must not contain a query or fragment"],
    [{ url: "http://169.254.169.254" }, "frigate.url: must be another address"],
    [{ url: "http://a/b//c" }, "frigate.url: path must have no empty segment"],
    [{ url: "http://a/%2e%2e%2f" }, "frigate.url: "],
    [{ methods: [] }, "frigate.methods: "],
    [{ methods: ["get"] }, "frigate.methods.0: "],
    [{ methods: ["CONNECT"] }, "frigate.methods.0: "],
    [{ paths: [] }, "frigate.paths: "],
    [{ paths: ["api"] }, "frigate.paths.0: must be a path such as /api/**"],
    [{ headers: { Host: "x" } }, "frigate.headers.Host: is not a header that can be set"],
    [{ headers: { "X-A": "a\nb" } }, "frigate.headers.X-A: must hold ASCII"],
    [{ password: "x" }, "frigate.username: must be given with password"],
    [{ username: "a:b" }, "frigate.username: must have no colon"],
    [{ username: "a", bearer: "b" }, "frigate.bearer: must be the only login"],
    [{ bearer: "b", headers: { authorization: "x" } }, "frigate.bearer: must be the only login"],
    [{ caFile: "ca.pem" }, "frigate.caFile: needs https:// in url"],
    [{ url: "https://a", certFile: "a.pem" }, "frigate.keyFile: must be given with certFile"],
    [{ url: "https://a", keyFile: "a.pem" }, "frigate.certFile: must be given with keyFile"],
    [{ url: "https://a", caFile: "a,b.pem" }, "frigate.caFile: must be a path without white space and commas"],
    [{ timeout: 0 }, "frigate.timeout: "],
    [{ maxBytes: 1.5 }, "frigate.maxBytes: "],
    [{ redirects: "always" }, "frigate.redirects: "],
  ];
  for (const [fields, fault] of wrong) {
    const found = faults({ ...TARGET, ...fields });
    assert(found.some((one) => one.startsWith(fault)), `${JSON.stringify(fields)}: ${found.join(", ")}`);
  }
  for (const name of ["", "a b", "../x", "a".repeat(65), ".x"]) {
    assertEquals(HTTP_SECTION.safeParse({ [name]: TARGET }).success, false, name);
  }
  assertEquals(HTTP_SECTION.safeParse([TARGET]).success, false);
});

Deno.test("a target may have headers for a trusted proxy, which no request may set", () => {
  assertEquals(faults({ ...TARGET, headers: { "Remote-User": "home", "X-Forwarded-Proto": "https" } }), []);
});

Deno.test("hasLogin() and secretsOf() know each kind of login", () => {
  const of = (fields: Record<string, unknown>) => {
    const { a } = readSection(HTTP_SECTION, { http: { a: { ...TARGET, ...fields } } });
    if (a === undefined) throw new Error("No target");
    return [hasLogin(a), secretsOf(a)];
  };
  assertEquals(of({}), [false, []]);
  assertEquals(of({ username: "u", password: "pass word" }), [
    true,
    ["pass word", "pass%20word", "dTpwYXNzIHdvcmQ=", "dTpwYXNzIHdvcmQ%3D"],
  ]);
  assertEquals(of({ bearer: "token" }), [true, ["token"]]);
  assertEquals(of({ headers: { "X-A": "abc" } }), [true, []]);
  assertEquals(of({ query: { key: "abcd" } }), [true, ["abcd"]]);
});
