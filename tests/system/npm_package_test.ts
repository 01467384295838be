/** The npm package of the TypeScript client: its content, its types, and its use on Node. */
import { assertEquals, assertLess, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import ts from "typescript";
import { freePort } from "../support/loopback.ts";
import { type InstalledPackage, installPackage, run, WITHOUT_NODE } from "../clients/typescript/installed_package.ts";
import { inTempDir } from "../support/temp_dir.ts";
import project from "../../deno.json" with { type: "json" };
import { compileModule } from "../../npm/compile_module.ts";
import { VERSION } from "../../src/version.ts";
import { needing } from "../support/needs.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";
import { startJeedom } from "../support/jeedom_server.ts";

const NEEDS = { "Node 20 with npm": !WITHOUT_NODE };

/** Size limits that only a dependency or a mistake exceeds, in bytes. */
const MAX_PACKED = 80_000;
const MAX_FILE = 20_000;

/** Output of the example in the package's README. */
const EXAMPLE_PRINTS = /^200 \{[^]*name: 'Light'[^]*\}\nhome\/mode night\n$/;

let directory = "";
let installed: InstalledPackage;

Deno.test.beforeAll(async () => {
  if (WITHOUT_NODE) return;
  directory = await Deno.makeTempDir({ prefix: "npm-package-" });
  installed = await installPackage(directory);
});

Deno.test.afterAll(async () => {
  if (directory !== "") await Deno.remove(directory, { recursive: true });
});

const text = (name: string) => Deno.readTextFile(`${installed.directory}/${name}`);

Deno.test({
  ...needing("npm package is an ES module with the version and licence of the project, without dependencies", NEEDS),
  async fn() {
    const manifest = JSON.parse(await text("package.json"));
    const { name, version, license, type, sideEffects, engines } = manifest;
    assertEquals([name, version, license], ["@e2e-gateway/client", project.version, project.license]);
    assertEquals([type, sideEffects, engines], ["module", false, { node: ">=20.3" }]);
    const others = ["dependencies", "peerDependencies", "optionalDependencies", "scripts", "bin"];
    assertEquals(others.filter((field) => field in manifest), []);
    const modules = [...Deno.readDirSync(`${installed.project}/node_modules`)].map((entry) => entry.name);
    assertEquals(modules.filter((name) => !name.startsWith(".")), ["@e2e-gateway"]);
    assertEquals(await text("LICENSE"), await Deno.readTextFile(new URL("../../LICENSE", import.meta.url)));
  },
});

Deno.test({
  ...needing("npm package has the modules that the client imports, their declarations, and no other file", NEEDS),
  async fn() {
    const names = installed.files.map(({ path }) => path);
    const reached = new Set(["client/gateway_client.js", "client/gateway_client.d.ts"]);
    for (const name of reached) {
      // The examples in doc comments import the package by its name.
      const code = (await text(name)).replaceAll(/^ *\*.*$/gm, "");
      for (const [, specifier = ""] of code.matchAll(/(?:from|import) ?\(?"([^"]+)"/g)) {
        assertMatch(specifier, /^\.\.?\/.*\.js$/, `${name} imports ${specifier}`);
        const found = new URL(specifier, `file:///${name}`).pathname.slice(1);
        reached.add(found).add(found.replace(/js$/, "d.ts"));
      }
    }
    assertEquals(names.toSorted(), [...reached, "LICENSE", "README.md", "package.json"].toSorted());
    assertLess(installed.size, MAX_PACKED);
    for (const { path, size } of installed.files) assertLess(size, MAX_FILE, path);
  },
});

Deno.test("compileModule() rejects what Node 20 does not have", () =>
  inTempDir(async (sources) => {
    const entry = `${sources}/new.ts`;
    await Deno.writeTextFile(entry, "export const all = [Promise.withResolvers(), Deno.exit(), process.exit()];");
    const compile = () => compileModule(entry, { sources, checks: {} });
    const { message } = assertThrows(compile, Error, "Client does not compile for npm");
    for (const missing of ["withResolvers", "Deno", "process"]) assertStringIncludes(message, `'${missing}'`);
  }));

/** Returns the program in the package's README. */
async function example(): Promise<string> {
  const [, program] = /```ts\n([^]*?)```/.exec(await text("README.md")) ?? [];
  if (program === undefined) throw new Error("README must have an example");
  return program;
}

/** Declarations of Node that the example needs. */
const PROCESS = "declare global { const process: { readonly env: Record<string, string | undefined> } } export {}";

/** Program with the types of the client. Each line after an expected error must be an error. */
const TYPES = `
import {
  type Action, type Answer, GatewayClient, GatewayError, type GatewayErrorCode, WrongKeyError,
} from "@e2e-gateway/client";

const client = new GatewayClient({ url: "http://127.0.0.1", key: "", protocol: 2, keyName: "phone" });
const answer: Answer = await client.callJeedom("datetime", {}, { signal: AbortSignal.timeout(1) });
answer.status satisfies number;
// @ts-expect-error The body may be anything.
answer.body satisfies string;
// @ts-expect-error A method is a name.
await client.callJeedom(5);
// @ts-expect-error There is no such option.
await client.publish("home/lamp", "on", { quality: 1 });
for await (const event of client.subscribe(["#"], { keep: true })) {
  if (event.type === "message") event.topic satisfies string;
  // @ts-expect-error Only messages have a topic.
  else event.topic;
}
const { actions: [action], uses } = await client.actions();
uses?.left satisfies number | undefined;
action?.label satisfies string | undefined;
const picture = await client.http({ target: "nas", path: "/", query: { a: 1 }, raw: true });
picture.bytes satisfies Uint8Array | undefined;
// @ts-expect-error A target needs a path.
await client.http({ target: "nas" });
// @ts-expect-error A URL has its query in it.
await client.http({ url: "http://nas", query: {} });
// @ts-expect-error A history needs its begin.
await client.homeAssistantHistory(["light.a"], {});
(await client.homeAssistantStates(["light.*"])).map(({ entity_id }) => entity_id) satisfies string[];
(await client.influx("q", { room: "attic" })).rows satisfies readonly (readonly unknown[])[];
(await client.call("echo", {}, { compress: "gzip" })).members["x"] satisfies unknown;
for await (const event of client.subscribeEntities(["sensor.*"], { keep: true })) event.type satisfies string;
for await (const event of client.jeedomEvents({ since: 0 })) event.name satisfies string;
const error: GatewayError = new WrongKeyError("No");
error.code satisfies GatewayErrorCode;
`;

Deno.test({
  ...needing("npm package has the types of the client, checked with libraries", NEEDS),
  async fn() {
    const programs = { example: await example(), types: TYPES, process: PROCESS };
    const paths = Object.keys(programs).map((name) => `${installed.project}/${name}.mts`);
    for (const [index, program] of Object.values(programs).entries()) {
      await Deno.writeTextFile(paths[index] ?? "", program);
    }
    const checked = ts.createProgram(paths, {
      target: ts.ScriptTarget.ES2022,
      lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
      types: [],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      noEmit: true,
      skipLibCheck: false,
    });
    const mistakes = ts.getPreEmitDiagnostics(checked).map(({ file, messageText }) =>
      `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`
    );
    assertEquals(mistakes, []);
  },
});

/** Runs a program in the project. */
async function node(program: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const name = `${crypto.randomUUID()}.js`;
  await Deno.writeTextFile(`${installed.project}/${name}`, program);
  return await run("node", [name], { cwd: installed.project, env: { ...env, NO_COLOR: "1" } });
}

Deno.test({
  ...needing("npm package calls, publishes, subscribes and checks the health of the gateway on Node", NEEDS),
  async fn() {
    const jeedom = startJeedom();
    const settings = { JEEDOM_URL: jeedom.url, JEEDOM_APIKEY: jeedom.apikey, MQTT_BROKER_PORT: String(freePort()) };
    const gateway = await startGatewayProcess(settings);
    const env = { GATEWAY_URL: gateway.url, GATEWAY_KEY: gateway.key };
    try {
      await gateway.output.line((line) => line.includes("embedded broker runs on"));
      assertMatch(await node(await example(), env), EXAMPLE_PRINTS);
      assertEquals(jeedom.requests.length, 1);

      const program = `
        import { GatewayClient } from "@e2e-gateway/client";
        const { GATEWAY_URL: url, GATEWAY_KEY: key } = process.env;
        console.log(JSON.stringify(await new GatewayClient({ url, key }).health()));`;
      assertEquals(JSON.parse(await node(program, env)), { status: "ok", version: VERSION });
    } finally {
      await gateway.stop();
      await jeedom.stop();
    }
  },
});

Deno.test({
  ...needing("npm package throws a WrongKeyError with its code on Node when the gateway has another key", NEEDS),
  async fn() {
    const gateway = await startGatewayProcess({ MQTT_BROKER_PORT: String(freePort()) });
    try {
      const program = `
        import { GatewayClient, GatewayError, WrongKeyError } from "@e2e-gateway/client";
        const client = new GatewayClient({ url: process.env.GATEWAY_URL, key: "0".repeat(64) });
        const error = await client.callJeedom("datetime").catch((error) => error);
        const { name, code, status } = error;
        const kinds = [error instanceof GatewayError, error instanceof WrongKeyError];
        console.log(JSON.stringify({ name, code, status, kinds }));`;
      const error = JSON.parse(await node(program, { GATEWAY_URL: gateway.url }));
      assertEquals(error, { name: "WrongKeyError", code: "wrong_key", status: 401, kinds: [true, true] });
    } finally {
      await gateway.stop();
    }
  },
});
