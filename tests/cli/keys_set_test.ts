/** The subcommand `keys set`. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { keys } from "../../src/cli/keys.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { readKeysFile } from "../../src/keys/keyring_file.ts";
import { fakePlatform } from "../support/platform.ts";
import { type FlatRights, rightsOf } from "../support/rights.ts";
import { inTempDir } from "../support/temp_dir.ts";

const NOW = Date.UTC(2026, 0, 31, 12, 30);
const DAY = 86_400_000;

/** Runs `keys` in its own directory. */
function atHome(
  test: (home: {
    run(words: readonly string[], now?: number): Promise<{ code: number; out: string; err: string }>;
    record(): Promise<KeyRecord>;
  }) => Promise<void>,
): Promise<void> {
  return inTempDir((directory) => {
    const path = `${directory}/keys.json`;
    const env: Record<string, string> = { KEYS_FILE: path, SECRET_KEY_FILE: `${directory}/own/key.txt` };
    const absent = (file: string | URL) =>
      file === ".env" ? Promise.reject(new Deno.errors.NotFound()) : Deno.readTextFile(file);
    return test({
      async run(words, now = NOW) {
        const out: string[] = [];
        const err: string[] = [];
        const platform = fakePlatform({
          args: words,
          files: { ...Deno, readTextFile: absent },
          env: (name) => env[name],
          print: (text) => void out.push(text),
          printError: (text) => void err.push(text),
        });
        const code = await keys(platform, () => now);
        return { code, out: out.join("\n"), err: err.join("\n") };
      },
      async record() {
        const record = (await readKeysFile(path, { files: Deno, mode: "strict", services: SERVICES }))?.keys[0];
        if (record === undefined) throw new Error("There is no record");
        return record;
      },
    });
  });
}

/** The limits of a key in Jeedom. */
const limitsOf = ({ rights: { jeedom } }: KeyRecord) => [jeedom?.["commands"], jeedom?.["scenarios"]];

/** A record as its file has it. */
const written = (record: KeyRecord): unknown => JSON.parse(JSON.stringify(record));

Deno.test("keys set replaces each field that is given, keeps the rest and the secret, and prints old and new", () =>
  atHome(async ({ run, record }) => {
    await run(["add", "phone", "--method", "*", "--publish", "home/#", "--rate", "1", "--burst", "2"]);
    const before = await record();
    const { code, out, err } = await run(["set", "phone", "--method", "*", "--method", "log::get", "--subscribe", "a"]);
    assertEquals([code, err], [0, ""]);
    assertEquals(await record(), {
      ...before,
      rights: rightsOf({
        services: ["jeedom", "mqtt"],
        methods: ["*", "log::get"],
        publish: ["home/#"],
        subscribe: ["a"],
      }),
    });
    assertEquals(out.split("\n"), [
      'Key "phone" is changed:',
      "  Jeedom methods:    * (what reads and controls) → * (what reads and controls), log::get",
      "  MQTT subscribe:    none → a",
      "A running gateway applies this within 2 seconds, and ends the key's open streams, which reconnect.",
    ]);
    assert(!out.includes(before.secret.toHex()), "The secret is printed");
  }));

Deno.test("keys set --expires extends a key, also one that has expired, and removes its expiry", () =>
  atHome(async ({ run, record }) => {
    await run(["add", "guest", "--command", "12", "--expires", "1d"]);
    const before = await record();
    const later = NOW + 3 * DAY;
    const { code, out } = await run(["set", "guest", "--expires", "7d"], later);
    assertEquals([code, written(await record())], [0, written({ ...before, expires: later + 7 * DAY })]);
    assertStringIncludes(out, "  expires:           2026-02-01 12:30 UTC → 2026-02-10 12:30 UTC, in 7 d");
    assertStringIncludes(out, "Open streams continue.");
    await run(["set", "guest", "--expires", "never"], later);
    assertEquals(written(await record()), written({ ...before, expires: undefined }));
    assertStringIncludes((await run(["set", "guest", "--expires", "never"], later)).out, "nothing changed");
  }));

Deno.test("keys set limits a key to commands and scenarios, changes the limits, and removes them", () =>
  atHome(async ({ run, record }) => {
    await run(["add", "guest"]);
    const free = await record();
    assertEquals(limitsOf(free), [undefined, undefined]);
    const { out } = await run(["set", "guest", "--command", "12", "--command", "13"]);
    assertEquals(limitsOf(await record()), [[12, 13], undefined]);
    assertStringIncludes(out, "  commands:          any → 12, 13");
    assertStringIncludes(out, "  scenarios:         any → none");
    await run(["set", "guest", "--scenario", "5", "--command", ""]);
    assertEquals(limitsOf(await record()), [[], [5]]);
    const half = await run(["set", "guest", "--command", "any"]);
    assertEquals([half.code, half.err], [
      2,
      "--command any grants nothing, as the key is limited to some scenarios: add --scenario any, or leave it at " +
      "--command ''",
    ]);
    assertEquals(limitsOf(await record()), [[], [5]]);
    await run(["set", "guest", "--command", "any", "--scenario", "any"]);
    assertEquals(written(await record()), written(free));
  }));

Deno.test("keys set removes rights and rate limits, and adds the service that a right needs", () =>
  atHome(async ({ run, record }) => {
    await run(["add", "phone", "--subscribe", "a", "--publish", "b", "--rate", "1", "--burst", "2"]);
    await run(["set", "phone", "--publish", "", "--rate", "default", "--min-protocol", "2", "--method", "cmd::*"]);
    const changed = await record();
    assertEquals([changed.rate, changed.minProtocol], [undefined, 2]);
    const given: FlatRights = { services: ["jeedom", "mqtt"], methods: ["cmd::*"], subscribe: ["a"] };
    assertEquals(changed.rights, rightsOf(given));
    await run(["set", "phone", "--own-apikey", "--service", "jeedom"]);
    assertEquals((await record()).rights, rightsOf({ ...given, services: ["jeedom"], ownApikey: true }));
    await run(["set", "phone", "--no-own-apikey"]);
    assertEquals((await record()).rights, rightsOf({ ...given, services: ["jeedom"] }));
    const both = await run(["set", "phone", "--own-apikey", "--no-own-apikey"]);
    assertEquals([both.code, both.err], [2, "Give --own-apikey or --no-own-apikey, not both"]);
  }));

Deno.test("keys set --service, --command and --scenario grant all that is ordinary to a key that had nothing there", () =>
  atHome(async ({ run, record }) => {
    await run(["add", "sensor", "--publish", "home/#"]);
    await run(["set", "sensor", "--command", "5"]);
    const limited: FlatRights = { services: ["jeedom", "mqtt"], methods: ["*"], commands: [5], publish: ["home/#"] };
    assertEquals((await record()).rights, rightsOf(limited));
    await run(["set", "sensor", "--service", "jeedom", "--method", "", "--publish", ""]);
    assertEquals((await record()).rights, rightsOf({ services: ["jeedom"], commands: [5] }));
    await run(["set", "sensor", "--service", "mqtt", "--service", "jeedom"]);
    assertEquals((await record()).rights, rightsOf({ ...limited, publish: ["#"], subscribe: ["#"] }));
  }));

Deno.test("keys set --command warns of topics that a limited key may still publish to", () =>
  atHome(async ({ run }) => {
    await run(["add", "phone"]);
    assertStringIncludes((await run(["set", "phone", "--command", "5"])).err, 'Key "phone" may still publish to #');
    assertEquals((await run(["set", "phone", "--command", "6", "--publish", ""])).err, "");
    assertEquals((await run(["set", "phone", "--publish", "home/#"])).err, "");
  }));

Deno.test("keys set reports all mistakes at once, and then changes nothing", () =>
  atHome(async ({ run, record }) => {
    await run(["add", "phone"]);
    const before = await record();
    const wrong = await run([
      ...[
        "set",
        "phone",
        "--publish",
        "a#",
        "--command",
        "012",
        "--rate",
        "1",
        "--expires",
        "1y",
        "--min-protocol",
        "3",
      ],
    ]);
    assertEquals([wrong.code, wrong.out], [2, ""]);
    assertEquals(wrong.err.split("\n").map((line) => /^\S+/.exec(line)?.[0]), [
      "--command",
      "--publish",
      "--burst",
      "--expires",
      "--min-protocol",
    ]);
    const useless = await run(["set", "phone", "--command", "12", "--method", "cmd::all", "--endpoint", "/x.php"]);
    assertMatch(useless.err, /^--method cmd::all grants nothing with --command.*\n--endpoint \/x.php grants nothing/);
    assertStringIncludes((await run(["set", "phone"])).err, "No change is given");
    assertStringIncludes((await run(["set", "unknown", "--expires", "1d"])).err, 'There is no key "unknown"');
    assertStringIncludes(
      (await run(["set", "default", "--expires", "1d"])).err,
      'Key "default" cannot be changed here',
    );
    assertEquals(await record(), before);
  }));

Deno.test("keys set warns of a key that still does not work", () =>
  atHome(async ({ run }) => {
    await run(["add", "phone", "--expires", "1d"]);
    assertStringIncludes(
      (await run(["set", "phone", "--publish", "a"], NOW + 2 * DAY)).err,
      "is still expired",
    );
    await run(["disable", "phone"]);
    assertStringIncludes((await run(["set", "phone", "--expires", "7d"])).err, "deno task keys enable phone");
  }));

Deno.test("keys add --command makes a key for these commands, of Jeedom alone", () =>
  atHome(async ({ run, record }) => {
    const { out } = await run(["add", "guest", "--command", "12", "--command", "12"]);
    assertEquals((await record()).rights, rightsOf({ services: ["jeedom"], methods: ["*"], commands: [12] }));
    assertStringIncludes(out, "  commands:          12\n  scenarios:         none");
    for (const id of ["", "0", "12abc", " 12", "1e1", "-1", "any", "12.0"]) {
      const { code, err } = await run(["add", "other", `--command=${id}`]);
      assertEquals([code, err], [
        2,
        `--command "${id}" must be the id of a command or scenario, a whole number from 1`,
      ]);
    }
  }));
