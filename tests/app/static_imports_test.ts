/** Static imports: what is loaded at every start, whether it is used or not. */
import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../..", import.meta.url);

interface ModuleInfo {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly isDynamic?: boolean;
    readonly code?: { readonly specifier?: string };
  }[];
}

/** Returns the modules that some files of the project import statically, directly or not. */
async function staticImports(...files: readonly string[]): Promise<string[]> {
  const command = new Deno.Command(Deno.execPath(), { args: ["info", "--json", "main.ts"], cwd: ROOT, stderr: "null" });
  const { modules }: { modules: readonly ModuleInfo[] } = JSON.parse(
    new TextDecoder().decode((await command.output()).stdout),
  );
  const bySpecifier = new Map(modules.map((module) => [module.specifier, module]));
  const found = new Set(files.map((file) => new URL(file, ROOT).href));
  // A set is also iterated over what is added meanwhile.
  for (const specifier of found) {
    for (const { isDynamic = false, code } of bySpecifier.get(specifier)?.dependencies ?? []) {
      if (!isDynamic && code?.specifier !== undefined) found.add(code.specifier);
    }
  }
  return [...found].map((specifier) => specifier.replace(ROOT.href, ""));
}

/** Modules that a gateway needs for some settings only, or never. */
const ON_DEMAND =
  /^npm:\/?(@redis\/|aedes@|mqtt@[^/]*\/lib\/connect)|^node:(https|readline|sqlite|tls|net)$|^src\/(doctor|demo|client|conformance)\/|\/doctor\.ts$|^src\/store\/redis_|\/yaml\//;

Deno.test("a start without Redis, embedded broker, WebSocket or services file loads no code of these, nor that of the doctor", async () => {
  const loaded = await staticImports("main.ts", "src/cli/serve.ts", "src/app/start.ts");
  assert(loaded.includes("src/gateway/handler.ts"), "The gateway itself is missing");
  assertEquals(loaded.filter((specifier) => ON_DEMAND.test(specifier)), []);
  const withBroker = await staticImports("src/services/mqtt/broker_pool.ts");
  assert(withBroker.some((specifier) => specifier.startsWith("npm:mqtt@")), "MQTT.js is missing");
  assertEquals(withBroker.filter((specifier) => /aedes|lib\/connect|^src\/doctor/.test(specifier)), []);
});

Deno.test("the permissions of a start are computed without the code of the gateway", async () => {
  const loaded = await staticImports("main.ts", "src/cli/permissions.ts");
  assert(loaded.includes("src/config/sandbox.ts"), "The permissions are missing");
  const ofGateway =
    /^src\/(gateway|streams|store|http\/(?!client_address))|^npm:\/?(mqtt|prom-client|@logtape|aedes|@redis)/;
  assertEquals(loaded.filter((specifier) => ofGateway.test(specifier)), []);
});
