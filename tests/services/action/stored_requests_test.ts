/** Actions that other services can never execute. */
import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError, parseConfig } from "../../../src/config/parse.ts";
import { parseServicesFile } from "../../../src/config/services_file.ts";
import { SERVICES } from "../../../src/services/registry.ts";

/** Sections that the actions use. */
const SECTIONS = {
  http: { gate: { url: "http://192.168.1.20:5000", methods: ["GET", "POST"], paths: ["/api/*", "/$x"] } },
  influxdb: { position: { url: "http://192.168.1.21:8086", version: 1, database: "home", query: "SELECT 1 FROM a" } },
};

/** Parses a file with one action, and the sections that actions use. */
function parse(action: Readonly<Record<string, unknown>>, variables: Readonly<Record<string, string>> = {}) {
  const text = JSON.stringify({ ...SECTIONS, actions: { gate: { label: "Gate", ...action } } });
  const config = parseConfig(variables);
  return parseServicesFile(text, { path: "s.yaml", variable: () => undefined, services: SERVICES, config });
}

function problemsOf(action: Readonly<Record<string, unknown>>): readonly string[] {
  return assertThrows(() => parse(action), ConfigError).problems;
}

Deno.test("parseServicesFile() refuses an action whose HTTP target is not there, or does not allow it", () => {
  const http = { target: "gate", method: "POST", path: "/api/open" };
  const problems = (changes: Readonly<Record<string, string>>) => problemsOf({ http: { ...http, ...changes } });
  parse({ http });
  assertEquals(problems({ target: "gates" }), [
    "s.yaml: actions.gate.http.target must be a target of the section http. There are: gate",
  ]);
  assertEquals(problems({ method: "DELETE" }), [
    "s.yaml: actions.gate.http.method must be one of: GET, POST, or be added to http.gate.methods",
  ]);
  assertEquals(problems({ path: "/admin/open" }), [
    "s.yaml: actions.gate.http.path must match one of http.gate.paths, or be added there",
  ]);
  assertEquals(problems({ path: "/api//open" }), ["s.yaml: actions.gate.http.path must have no empty segment"]);
});

Deno.test("parseServicesFile() checks the path of an action with its dollar signs, and not one with parameters", () => {
  parse({ http: { target: "gate", path: "/$$x" } });
  parse({ params: { n: { type: "number" } }, http: { target: "gate", path: "/other/$n" } });
  assertEquals(
    problemsOf({ params: { n: { type: "number" } }, http: { target: "gates", path: "/other/$n" } }).length,
    1,
  );
});

Deno.test("parseServicesFile() refuses a state whose query of InfluxDB is not there", () => {
  const publish = { topic: "home/gate/set", message: "OPEN" };
  parse({ publish, state: { query: "position" } });
  assertEquals(problemsOf({ publish, state: { query: "positions" } }), [
    "s.yaml: actions.gate.state.query must be a query of the section influxdb. There are: position",
  ]);
});

Deno.test("parseServicesFile() refuses actions and states of a Home Assistant that is not configured", () => {
  const action = { homeAssistant: { call: "cover.open_cover" }, state: { homeAssistant: "cover.gate" } };
  const fault = "cannot run: Home Assistant is not configured: set HOME_ASSISTANT_URL and HOME_ASSISTANT_TOKEN";
  assertEquals(problemsOf(action), [
    `s.yaml: actions.gate.homeAssistant ${fault}`,
    `s.yaml: actions.gate.state ${fault}`,
  ]);
  parse(action, { HOME_ASSISTANT_URL: "http://192.168.1.10:8123", HOME_ASSISTANT_TOKEN: "t" });
});
