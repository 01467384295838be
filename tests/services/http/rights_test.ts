import { assertEquals, assertStringIncludes } from "@std/assert";
import { rightsFromOptions } from "../../../src/services/rights_from_options.ts";
import { replaceRights } from "../../../src/services/rights_from_options.ts";
import { describeRights, summarizeRights } from "../../../src/services/key_text.ts";
import { HTTP_RIGHTS } from "../../../src/services/http/rights.ts";
import { SERVICES } from "../../../src/services/registry.ts";

const add = (values: Record<string, unknown>) => rightsFromOptions(values, SERVICES);

const ALL = { methods: ["*"], paths: ["/**"] };

Deno.test("an ordinary key has no rights in HTTP", () => {
  assertEquals(add({}).rights["http"], undefined);
});

Deno.test("keys add grants targets and URLs, narrowed by methods and paths", () => {
  assertEquals(add({ "http-target": ["cam-*"] }), {
    rights: { http: { targets: ["cam-*"], ...ALL, urls: [] } },
    mistakes: [],
  });
  assertEquals(add({ "http-url": ["http://10.0.0.0/8:*"], "http-method": ["get"], "http-path": ["/api/**"] }).rights, {
    http: { targets: [], methods: ["GET"], paths: ["/api/**"], urls: ["http://10.0.0.0/8:*"] },
  });
});

Deno.test("keys add reports options that grant nothing, and wrong values", () => {
  const nothing = "HTTP needs --http-target NAME or --http-url PATTERN: without one it grants nothing";
  assertEquals(add({ service: ["http"] }).mistakes, [nothing]);
  assertEquals(add({ "http-method": ["GET"] }).mistakes, [nothing]);
  const { mistakes } = add({
    "http-target": ["a b"],
    "http-method": ["TRACE"],
    "http-path": ["api"],
    "http-url": ["ftp://a"],
  });
  assertEquals(mistakes.map((mistake) => mistake.split(" must ")[0]), [
    '--http-target "a b"',
    '--http-method "TRACE"',
    '--http-path "api"',
    '--http-url "ftp://a"',
  ]);
});

Deno.test("keys set replaces single lists, and an empty narrowing list grants nothing", () => {
  const { rights } = add({ "http-target": ["a"] });
  const changed = replaceRights(rights, { "http-path": ["/x"] }, SERVICES);
  assertEquals(changed, {
    rights: { http: { targets: ["a"], methods: ["*"], paths: ["/x"], urls: [] } },
    mistakes: [],
  });
  const none = replaceRights(changed.rights, { "http-method": [""] }, SERVICES);
  assertEquals(none.rights["http"], { targets: ["a"], methods: [], paths: ["/x"], urls: [] });
  assertEquals(replaceRights(rights, { "http-target": [""] }, SERVICES).mistakes, []);
  assertEquals(replaceRights(rights, { service: ["http", "mqtt"] }, SERVICES).mistakes, []);
});

Deno.test("keys list describes the rights", () => {
  const { rights } = add({ "http-target": ["a", "b"], "http-method": ["GET"] });
  assertEquals(describeRights(rights, SERVICES), [
    ["HTTP targets", "a, b"],
    ["HTTP methods", "GET"],
    ["HTTP paths", "/**"],
    ["HTTP URLs", "none"],
  ]);
  assertStringIncludes(summarizeRights(rights, SERVICES), "HTTP targets a b, methods GET, paths /**");
  assertEquals(summarizeRights(add({ "http-target": ["a"] }).rights, SERVICES), "HTTP targets a");
});

Deno.test("the schema of the rights fills in what is absent, and accepts all rights", () => {
  const { schema, all } = HTTP_RIGHTS;
  assertEquals(schema.safeParse({}).data, { targets: [], ...ALL, urls: [] });
  assertEquals(schema.safeParse(all).data, all);
  assertEquals(schema.safeParse({ target: ["a"] }).success, false);
});
