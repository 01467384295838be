/** Settings that are invalid on this machine, and lines of `.env` that set nothing or one setting twice. */
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { checkConfig } from "../../src/cli/check_config.ts";
import { checkKeyFolder, parseEnvFile, readConfig, readSources } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/parse.ts";
import { fakePlatform } from "../support/platform.ts";
import { inTempDir } from "../support/temp_dir.ts";

/** Machine with an `.env`. */
const withEnv = (text: string) =>
  fakePlatform({ files: { ...Deno, readTextFile: () => Promise.resolve(text), realPath: Deno.realPath } });

const check = (path: string) => checkKeyFolder(path, fakePlatform());

Deno.test("checkKeyFolder() refuses a key file in the project's folder, above it and in a system's, however written", async () => {
  const project = new URL("../..", import.meta.url).pathname;
  const wrong = ["secret_key.txt", "./secret_key.txt", "data/../secret_key.txt", ".//k", `${project}k.txt`];
  const above = [
    "../k.txt",
    "../../k.txt",
    "/key.txt",
    "/etc/key.txt",
    "/home/../key.txt",
    "src/cli/key.txt",
    "/tmp/k",
  ];
  for (const path of [...wrong, ...above]) {
    const error = await assertRejects(
      () => check(path),
      ConfigError,
      "SECRET_KEY_FILE must be in a folder of its own",
    );
    assertStringIncludes(error.message, "mkdir -p data && mv ");
    assertStringIncludes(error.message, "Then set SECRET_KEY_FILE=data/");
  }
});

Deno.test("checkKeyFolder() refuses a folder in place of a file, whose parent would be open to the gateway", async () => {
  await assertRejects(() => check("data/"), ConfigError, 'SECRET_KEY_FILE must be a file, not the folder "data/"');
});

Deno.test("checkKeyFolder() accepts the default, and any folder of the key's own", async () => {
  for (
    const path of ["data/secret_key.txt", "./data/k.txt", "data/keys/k.txt", "/app/data/secret_key.txt", "/data/k"]
  ) {
    await check(path);
  }
});

Deno.test("checkKeyFolder() follows links, also above folders that are yet to be made", () =>
  inTempDir(async (directory) => {
    await Deno.mkdir(`${directory}/own`);
    await Deno.symlink(new URL("../..", import.meta.url).pathname, `${directory}/project`);
    await Deno.symlink("/", `${directory}/root`);
    for (const path of ["project/k.txt", "project/src/new/k.txt", "root/k.txt", "root/etc/k.txt"]) {
      await assertRejects(() => check(`${directory}/${path}`), ConfigError, "in a folder of its own", path);
    }
    for (const path of ["own/k.txt", "own/new/k.txt", "project/data/k.txt"]) await check(`${directory}/${path}`);
  }));

Deno.test("checkConfig() and readConfig() report such a key file", async () => {
  const platform = withEnv("SECRET_KEY_FILE=secret_key.txt\n");
  assertEquals(await checkConfig(platform), 78);
  assertStringIncludes(platform.lines.join("\n"), "mv secret_key.txt data/secret_key.txt");
  await assertRejects(() => readConfig(platform), ConfigError);
});

Deno.test("readSources() refuses a setting that .env has twice, and quotes no value", async () => {
  for (
    const text of [
      "JEEDOM_APIKEY=first-value\nPORT=1\nJEEDOM_APIKEY=second-value\n",
      "JEEDOM_APIKEY=first-value\r\n\r\n  export JEEDOM_APIKEY = second-value",
      "JEEDOM_APIKEY=\n#\nJEEDOM_APIKEY: second-value",
    ]
  ) {
    const error = await assertRejects(() => readSources(withEnv(text)), ConfigError);
    assertEquals(error.problems, [
      "JEEDOM_APIKEY must be set once in .env, not in lines 1 and 3: remove all but one",
    ]);
  }
  const platform = withEnv("PORT=1\nPORT=2\n");
  assertEquals(await checkConfig(platform), 78);
});

Deno.test("readSources() accepts comments, other names and single lines", async () => {
  const { file } = await readSources(withEnv("#PORT=1\nPORT=2\n# PORT=3\nXPORT=4\nX=1\nX=2\nPORT_X=5\n"));
  assertEquals(file["PORT"], "2");
});

Deno.test("parseEnvFile() finds each line that sets nothing", () => {
  for (
    const line of [
      "PORT 9000",
      "set PORT=9000",
      "setx PORT 9000",
      "$env:PORT=9000",
      "- PORT=9000",
      '"PORT": 9000',
      "PORT:9000",
      "PORT := 9000",
      "PORT\uff1d9000",
      "export PORT",
      "=9000",
      "[gateway]",
      "// PORT=9000",
      "MY PORT=9000",
    ]
  ) {
    const { variables, unreadLines } = parseEnvFile(`HOST=::1\n${line}\nMQTT_PATH=/mqtt\n`, []);
    assertEquals({ ...variables }, { HOST: "::1", MQTT_PATH: "/mqtt" }, line);
    assertEquals(unreadLines, [2], line);
  }
});

Deno.test("parseEnvFile() accepts assignments, comments, empty lines and values of several lines", () => {
  for (
    const text of [
      "",
      "\ufeffPORT=1\n\n  # PORT 2\n\t\n#",
      "PORT=1\r\nexport HOST = ::1 # why\r  PORT_X: 5\r\n",
      "A=\nB='x y' # z\nmy.name-2=3",
      'PEM="-----BEGIN\nno assignment\n-----END" # of it\nPORT=1',
      "PEM='\na b\n'\nPORT=1",
    ]
  ) assertEquals(parseEnvFile(text, []).unreadLines, [], text);
});

Deno.test("parseEnvFile() finds a line that sets nothing beside a value of several lines", () => {
  assertEquals(parseEnvFile('A="x\ny z\n"\nPORT 9000\n', []).unreadLines, [4]);
});

Deno.test("parseEnvFile() refuses a file in UTF-16, of which no line would set anything", () => {
  const bytes = new Uint8Array(new Uint16Array([..."\ufeffPORT=9000\r\n"].map((one) => one.charCodeAt(0))).buffer);
  const error = assertThrows(() => parseEnvFile(new TextDecoder().decode(bytes), ["PORT"]), ConfigError);
  assertEquals(error.problems.length, 1);
  assertEquals(error.message.includes("UTF-16"), true);
});
