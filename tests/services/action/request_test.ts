import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { FieldError } from "../../../src/protocol/payload.ts";
import type { ParamValue } from "../../../src/services/action/placeholders.ts";
import { buildPayload } from "../../../src/services/action/request.ts";
import { ACTIONS_SECTION } from "../../../src/services/action/section.ts";

/** Returns the function that builds the payload of an action from the values of its parameters. */
function builder(action: Readonly<Record<string, unknown>>) {
  const { data, error } = ACTIONS_SECTION.safeParse({ a: { label: "A", ...action } });
  const parsed = data?.get("a");
  if (parsed === undefined) throw new Error(JSON.stringify(error?.issues));
  return (values: Readonly<Record<string, ParamValue>>) =>
    buildPayload(parsed.request, new Map(Object.entries(values)), parsed.params);
}

const TEXT = { x: { type: "text" } };

Deno.test("buildPayload() keeps the type of a whole value, and inserts text into a longer one", () => {
  const build = builder({
    params: { n: { type: "number" }, b: { type: "boolean" }, s: { type: "text" } },
    publish: { topic: "t", message: { n: "$n", b: "$b", s: "$s", text: "$n/$b/$s for 5 $$", list: ["$n", 1, null] } },
  });
  assertEquals(build({ n: 21.5, b: true, s: "$n $$" })["message"], {
    n: 21.5,
    b: true,
    s: "$n $$",
    text: "21.5/true/$n $$ for 5 $",
    list: [21.5, 1, null],
  });
});

Deno.test("buildPayload() inserts a parameter into one segment of a path", () => {
  const build = builder({ params: TEXT, http: { target: "t", method: "GET", path: "/api/$$/$x/v-$x" } });
  assertEquals(build({ x: "a b&é" })["path"], "/api/$/a%20b%26%C3%A9/v-a%20b%26%C3%A9");
  for (const x of ["..", ".", "", "a/b", "a\\b", "a?b", "a#b", "a;b", "...", "%2e%2e", "../.."]) {
    assertThrows(() => build({ x }), FieldError, "Invalid field: params.x: must not be empty or dots alone");
  }
});

Deno.test("buildPayload() lets an enum have what free text may not", () => {
  const params = { x: { type: "enum", values: ["#ff0000"] } };
  const color = builder({ params, call: { method: "cmd::execCmd", params: { id: 1, options: { color: "$x" } } } });
  assertEquals(color({ x: "#ff0000" })["params"], { id: 1, options: { color: "#ff0000" } });
});

Deno.test("buildPayload() refuses text that Jeedom or Home Assistant would evaluate", () => {
  const jeedom = builder({
    params: TEXT,
    call: { method: "cmd::execCmd", params: { id: 1, options: { message: "$x" } } },
  });
  for (const x of ["#12#", "#[Kitchen][Lamp][State]#", "variable(alarm)"]) {
    assertThrows(() => jeedom({ x }), FieldError, "Invalid field: params.x: must not have # and (");
  }
  const home = builder({ params: TEXT, homeAssistant: { call: "notify.all", data: { message: "$x" } } });
  for (const x of ["{{ states('a.b') }}", "{% if %}", "{# c #}"]) {
    assertThrows(() => home({ x }), FieldError, "Invalid field: params.x: must not have {{, {% and {#");
  }
});

Deno.test("buildPayload() changes nothing but the values with placeholders, whatever the parameters", () => {
  const requests = [
    { publish: { topic: "home/gate", message: { a: { b: "$x" }, c: ["is $x"], topic: "other" }, qos: 1 } },
    { publish: { topic: "home/gate", message: "$x" } },
    { call: { method: "cmd::execCmd", params: { id: 42, options: { title: "$x", message: "Say $x" } } } },
    {
      http: {
        target: "frigate",
        method: "POST",
        path: "/api/$x/end",
        query: { q: "$x" },
        headers: { accept: "text/plain" },
        body: { path: "$x", target: "t" },
      },
    },
    { homeAssistant: { call: "notify.all", target: { entity_id: "light.a" }, data: { message: "$x", call: "a.b" } } },
  ].map((request) => builder({ params: TEXT, ...request }));
  const value = fc.oneof(
    fc.string({ maxLength: 100 }),
    fc.constantFrom(
      "../../admin",
      "?target=x",
      '","topic":"x',
      "$x",
      "$$",
      "__proto__",
      "%2f..",
      "a/b",
      "..;",
      "\u2215",
    ),
  );
  fc.assert(fc.property(fc.constantFrom(...requests), value, (build, x) => {
    let payload: Readonly<Record<string, unknown>>;
    try {
      payload = build({ x });
    } catch (error) {
      assert(error instanceof FieldError);
      return;
    }
    const reference = build({ x: "0" });
    assertEquals(shapeOf(payload), shapeOf(reference));
    for (const field of ["topic", "qos", "retain", "jsonrpc", "target", "method", "headers", "call"]) {
      assertEquals(payload[field], reference[field]);
    }
    const { path } = payload;
    if (typeof path !== "string") return;
    const { pathname, search, hash } = new URL(path, "http://target");
    assertEquals([pathname.split("/").length, search, hash], [4, "", ""]);
    assertEquals([pathname.split("/")[1], pathname.split("/")[3]], ["api", "end"]);
    assertEquals(decodeURIComponent(pathname.split("/")[2] ?? ""), x);
  }));
});

/** Returns the names of all members of a value, with the kind of each. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.entries(value).map(([name, member]) => [name, shapeOf(member)]);
}
