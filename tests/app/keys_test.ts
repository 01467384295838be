import { assertEquals } from "@std/assert";
import { type OpenKeys, openKeys } from "../../src/app/keys.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { Config } from "../../src/config/settings.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { deriveKeyId, parseKey } from "../../src/protocol/secret_key.ts";
import { fakePlatform } from "../support/platform.ts";
import { inTempDir } from "../support/temp_dir.ts";

const LOG = { debug() {}, info() {}, warn() {}, error() {} };
const LEFTOVER = ".secret_key.0123456789abcdef.tmp";

function configIn(directory: string): Config {
  return parseConfig({ SECRET_KEY_FILE: `${directory}/secret_key.txt`, KEYS_FILE: `${directory}/keys.json` });
}

function open(config: Config): Promise<OpenKeys> {
  return openKeys(config, fakePlatform(), { log: LOG, metrics: { gauge() {}, counter() {} }, services: SERVICES });
}

Deno.test("openKeys() removes the temporary key file of an interrupted start, at the first start and at later ones", () =>
  inTempDir(async (directory) => {
    const config = configIn(directory);
    let key: string | undefined;
    for (const start of ["first", "second"]) {
      await Deno.writeTextFile(`${directory}/${LEFTOVER}`, "ab".repeat(32));
      const keys = await open(config);
      await keys.close();
      const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
      assertEquals(names, ["secret_key.txt"], start);
      const kept = await Deno.readTextFile(config.keys.secretKeyFile);
      assertEquals(kept, key ?? kept, start);
      key = kept;
    }
  }));

Deno.test("openKeys() names the key that it created, at the first start only", () =>
  inTempDir(async (directory) => {
    const config = configIn(directory);
    const newKeyIds: (string | undefined)[] = [];
    for (let start = 0; start < 2; start++) {
      const keys = await open(config);
      newKeyIds.push(keys.newKeyId);
      await keys.close();
    }
    const secret = parseKey((await Deno.readTextFile(config.keys.secretKeyFile)).trim());
    assertEquals(newKeyIds, [secret && await deriveKeyId(secret), undefined]);
  }));
