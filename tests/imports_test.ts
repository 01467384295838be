/** Imports between the parts of the source point downwards, as in docs/architecture.md. */
import { assert, assertEquals } from "@std/assert";
import { join, relative } from "node:path";
import ts from "typescript";
import { ROOT, sourceFiles } from "./support/source_files.ts";

/** Layers from top to bottom: a file imports its own layer and the ones below it. */
const LAYERS: readonly (readonly string[])[] = [
  ["main.ts"],
  ["src/cli/"],
  ["src/app/", "src/doctor/", "src/demo/"],
  ["src/client/", "src/conformance/", "src/console/"],
  ["src/config/", "src/version.ts"],
  ["src/http/", "src/gateway/"],
  ["src/services/"],
  [
    ...["src/streams/", "src/limits/", "src/keys/", "src/store/", "src/mqtt/", "src/net/", "src/observability/"],
    ...["src/push/", "src/platform.ts"],
  ],
  ["src/protocol/"],
  ["src/lib/"],
];

/** Parts that import less than the layers allow: nothing but themselves and these. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  "src/client/": ["src/protocol/", "src/lib/"],
  "src/conformance/": ["src/protocol/", "src/lib/"],
  "src/console/": ["src/client/", "src/protocol/", "src/lib/"],
};

/** Upward imports that are allowed: what the settings and the checks of a service are written with. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "src/services/": [
    ...["src/config/rules.ts", "src/config/settings.ts", "src/config/setting_files.ts"],
    ...["src/doctor/check.ts", "src/doctor/context.ts"],
  ],
};

const partOf = (path: string) => LAYERS.flat().find((part) => path.startsWith(part));
const layerOf = (part: string) => LAYERS.findIndex((layer) => layer.includes(part));

/** Returns whether a source file may import another file. */
function isAllowed(from: string, to: string): boolean {
  if (to === "deno.json") return true;
  const [part, target] = [partOf(from), partOf(to)];
  if (part === undefined || target === undefined) return false;
  if (part === target || ALLOWED[part]?.includes(to)) return true;
  return ONLY[part]?.includes(target) ?? layerOf(part) <= layerOf(target);
}

/** Returns the project's files that a module imports. */
async function importsOf(path: string): Promise<string[]> {
  const { importedFiles } = ts.preProcessFile(await Deno.readTextFile(join(ROOT, path)));
  const local = importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith("."));
  return local.map((name) => relative(ROOT, join(ROOT, path, "..", name)));
}

Deno.test("source files import only their own layer and lower ones", async () => {
  const found: string[] = [];
  let count = 0;
  for (const path of ["main.ts", ...await Array.fromAsync(sourceFiles("src/"))]) {
    count += 1;
    for (const to of await importsOf(path)) if (!isAllowed(path, to)) found.push(`${path} -> ${to}`);
  }
  assertEquals(found, []);
  assert(count > 150, `Only ${count} files were read`);
});

Deno.test("isAllowed() refuses upward imports, and imports of tools and tests", () => {
  assert(isAllowed("src/gateway/handler.ts", "src/services/service.ts"));
  assert(!isAllowed("src/services/service.ts", "src/gateway/handler.ts"));
  assert(!isAllowed("src/client/client.ts", "src/keys/keyring.ts"));
  assert(!isAllowed("src/lib/json.ts", "src/protocol/bytes.ts"));
  assert(!isAllowed("src/cli/keys.ts", "tools/support/report.ts"));
  assert(!isAllowed("src/cli/keys.ts", "tests/support/gateway.ts"));
});
