/** Runs the examples in the client's doc comments against a fake gateway. */
import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import * as client from "@e2e-gateway/client";
import { inTempDir } from "../support/temp_dir.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const GATEWAY = "tests/client/examples_gateway.ts";
const ENTRY = "src/client/gateway_client.ts";
const SOURCES = [
  ENTRY,
  "src/client/service_client.ts",
  "src/client/gateway_error.ts",
  "src/client/pair.ts",
  "src/protocol/pairing.ts",
  "src/protocol/pairing_link.ts",
  "src/protocol/push/message_encryption.ts",
  "src/protocol/secret_key.ts",
];
/** Classes of the client: the second one is what the first one extends, and is exported as a type. */
const CLASSES = ["GatewayClient", "ServiceClient"];

/** Output of `deno doc --json`, as far as this test reads it. */
interface Documented {
  readonly name: string;
  readonly kind?: string;
  readonly accessibility?: string;
  readonly isAbstract?: boolean;
  readonly jsDoc?: { readonly tags?: readonly { readonly kind: string }[] };
}
interface Declaration extends Omit<Documented, "name"> {
  readonly def: { readonly constructors?: readonly Documented[]; readonly methods?: readonly Documented[] };
}
interface DocumentedModule {
  readonly symbols: readonly { readonly name: string; readonly declarations: readonly Declaration[] }[];
}

async function deno(args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT, env: { NO_COLOR: "1" } });
  const { code, stdout, stderr } = await command.output();
  return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** Type-checks the examples of files, and runs each as a test of its own. */
const testExamples = (files: readonly string[]) =>
  deno(["test", "--allow-all", "--doc", `--preload=${GATEWAY}`, "--config=deno.json", ...files]);

const hasTag = ({ jsDoc }: Omit<Documented, "name">, kind: string) =>
  jsDoc?.tags?.some((tag) => tag.kind === kind) === true;

Deno.test("each function and method of the published client has an example", async () => {
  const { code, output } = await deno(["doc", "--json", "--quiet", ENTRY]);
  assertEquals(code, 0, output);
  const modules: Readonly<Record<string, DocumentedModule>> = JSON.parse(output).nodes;
  const documented = Object.values(modules).flatMap(({ symbols }) =>
    symbols.flatMap(({ name, declarations }) =>
      declarations.flatMap((declaration) => [
        { ...declaration, name },
        ...CLASSES.includes(name)
          ? [...declaration.def.constructors ?? [], ...declaration.def.methods ?? []].map((member) => ({
            ...member,
            name: `${name}.${member.name}`,
            kind: member.accessibility === "private" || member.isAbstract ? "private" : "function",
          }))
          : [],
      ])
    )
  );
  const functions = documented.filter((one) =>
    (one.kind === "function" || one.name === "GatewayClient") && !hasTag(one, "internal") &&
    [...CLASSES, ...Object.keys(client)].includes(one.name.split(".")[0] ?? "")
  );
  assertEquals(functions.filter((one) => !hasTag(one, "example")).map(({ name }) => name), []);
  assertEquals(functions.length, 41);
});

Deno.test("each example of the published client type-checks and runs", async () => {
  const { code, output } = await testExamples(SOURCES);
  assertEquals(code, 0, output);
  const texts = await Promise.all(SOURCES.map((path) => Deno.readTextFile(ROOT + path)));
  const examples = texts.flatMap((text) => text.match(/@example/g) ?? []).length;
  assertMatch(output, new RegExp(`\\b${examples} passed \\| 0 failed`));
});

Deno.test("an example with a wrong type, or a request that the gateway refuses, fails", () =>
  inTempDir(async (directory) => {
    for (
      const [call, reason] of [
        ['callJeedom({ method: "ping" })', /TS2345/],
        ['callJeedom("no::method")', /Request is wrong/],
      ] as const
    ) {
      const path = `${directory}/example.ts`;
      await Deno.writeTextFile(
        path,
        `/**\n * @example\n * \`\`\`ts\n * import { GatewayClient } from "@e2e-gateway/client";\n *\n` +
          ` * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });\n` +
          ` * await gateway.${call};\n * \`\`\`\n */\nexport const example = 1;\n`,
      );
      const { code, output } = await testExamples([path]);
      assertNotEquals(code, 0);
      assertMatch(output, reason);
    }
  }));
