/** Output of the command `permissions`: flags alone on standard output, warnings beside it. */
import { assertEquals } from "@std/assert";
import { permissions } from "../../src/cli/permissions.ts";
import { fakePlatform } from "../support/platform.ts";

async function run(variables: Record<string, string>, file = "") {
  const errors: string[] = [];
  const platform = fakePlatform({
    files: { ...Deno, readTextFile: () => Promise.resolve(file) },
    env: (name) => variables[name],
    envNames: () => Object.keys(variables),
    printError: (line) => void errors.push(line),
  });
  assertEquals(await permissions(platform), 0);
  return { lines: platform.lines, errors };
}

Deno.test("permissions() warns of misspelt names in the environment, which serve may not list, and leaves .env to it", async () => {
  for (const valid of [true, false]) {
    const { lines, errors } = await run({ LOGLEVEL: "hidden", ...valid ? {} : { PORT: "x" } }, "MQTT_HOST=broker\n");
    assertEquals(lines.length, 1);
    assertEquals(lines[0]?.split(" ").every((flag) => flag.startsWith("--")), true, lines[0]);
    assertEquals(lines[0]?.includes("--allow-net"), valid);
    assertEquals(errors, ["LOGLEVEL in the environment is not a setting: did you mean LOG_LEVEL?"]);
  }
});

Deno.test("permissions() warns of nothing where nothing is misspelt", async () => {
  assertEquals((await run({ PATH: "/bin", HOSTNAME: "pi", PORT: "1" })).errors, []);
});
