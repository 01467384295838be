import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { runCommand } from "../../src/cli/commands.ts";
import { keys, KEYS_LINE, SUBCOMMAND_LINES } from "../../src/cli/keys.ts";
import { formatTime } from "../../src/keys/duration.ts";
import { drawPairingCode } from "../../src/cli/keys/qr_code.ts";
import { deriveKeyId } from "../../src/protocol/secret_key.ts";
import { parsePairingUri } from "../../src/protocol/pairing.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { editKeysFile, readKeysFile } from "../../src/keys/keyring_file.ts";
import { fakePlatform } from "../support/platform.ts";
import { EVERYDAY_RIGHTS } from "../support/rights.ts";
import { inTempDir } from "../support/temp_dir.ts";

const NOW = Date.UTC(2026, 0, 31, 12, 30);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A gateway's directory, and commands in it. */
interface Home {
  readonly directory: string;
  /** Runs `keys` with a command line, at a time. */
  run(line: string, options?: { readonly now?: number; readonly env?: Record<string, string> }): Promise<Run>;
  /** The records of the keys file, by name. */
  records(): Promise<Record<string, KeyRecord>>;
}

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function atHome(test: (home: Home) => Promise<void>): Promise<void> {
  return inTempDir((directory) => test(homeIn(directory)));
}

function homeIn(directory: string): Home {
  const paths: Record<string, string> = {
    KEYS_FILE: `${directory}/data/keys.json`,
    SECRET_KEY_FILE: `${directory}/secret_key.txt`,
  };
  return {
    directory,
    async run(line, { now = NOW, env = {} } = {}) {
      const out: string[] = [];
      const err: string[] = [];
      const platform = fakePlatform({
        args: line.split(" ").filter((word) => word !== ""),
        files: {
          ...Deno,
          // The directory of the project itself is not tested here.
          readTextFile: (path) =>
            path === ".env" ? Promise.reject(new Deno.errors.NotFound()) : Deno.readTextFile(path),
        },
        env: (name) => ({ ...paths, ...env })[name],
        print: (text) => void out.push(text),
        printError: (text) => void err.push(text),
      });
      const command = { line: KEYS_LINE, subcommands: SUBCOMMAND_LINES, run: () => keys(platform, () => now) };
      const code = await runCommand(command, platform);
      return { code, out: out.join("\n"), err: err.join("\n") };
    },
    async records() {
      const loaded = await readKeysFile(`${directory}/data/keys.json`, {
        files: Deno,
        mode: "strict",
        services: SERVICES,
      });
      return Object.fromEntries((loaded?.keys ?? []).map((record) => [record.name, record]));
    },
  };
}

/** Returns a record that must exist. */
async function recordOf(home: Home, name: string): Promise<KeyRecord> {
  const record = (await home.records())[name];
  if (record === undefined) throw new Error(`There is no record "${name}"`);
  return record;
}

async function makeDefault({ directory }: Home): Promise<string> {
  const hex = "ab".repeat(32);
  await Deno.writeTextFile(`${directory}/secret_key.txt`, hex, { mode: 0o600 });
  return hex;
}

Deno.test("keys prints its usage without a subcommand or with an unknown one", () =>
  atHome(async ({ run }) => {
    const names = ["list", "add", "show", "rotate", "disable", "enable", "remove"];
    for (const line of ["", "frobnicate", "constructor", "--help"]) {
      const { code, out, err } = await run(line);
      assertEquals(code, line === "--help" ? 0 : 2);
      for (const name of names) assertMatch(out + err, new RegExp(`^ {2}${name}\\b`, "m"));
    }
    for (const name of names) {
      const { code, out } = await run(`${name} --help`);
      assertEquals([code, out.startsWith(`Usage: deno task keys ${name}`)], [0, true]);
      assert(out.split("\n").every((line) => line.length <= 80), out);
      const wrong = await run(`${name} --nonsense`);
      assertEquals([wrong.code, wrong.out], [2, ""]);
      assertStringIncludes(wrong.err, "--nonsense");
      assertStringIncludes(wrong.err, `Usage: deno task keys ${name}`);
    }
    for (const name of names.slice(1)) {
      assertStringIncludes((await run(name)).err, "The name of a key is missing\nUsage: ");
      assertStringIncludes((await run(`${name} a b c`)).err, 'remove "b c"');
    }
  }));

Deno.test("keys add and keys set print long labels with a space behind them, and all texts below each other", () =>
  atHome(async (home) => {
    const added = await home.run("add phone --ha-read light.* --http-target cam");
    assertMatch(added.out, /\n {2}Home Assistant reads: light\.\*\n/);
    assertMatch(added.out, /\n {2}HTTP targets: {9}cam\n/);
    const { out } = await home.run("set phone --ha-read *");
    assertMatch(out, /\n {2}Home Assistant reads: light\.\* → \*\n/);
  }));

Deno.test("keys add writes an everyday key, and prints its rights but not its secret", () =>
  atHome(async (home) => {
    const { code, out, err } = await home.run("add phone");
    assertEquals([code, err], [0, ""]);
    const { secret, ...rest } = await recordOf(home, "phone");
    assertEquals(rest, { name: "phone", created: NOW, disabled: false, minProtocol: 1, ...EVERYDAY_RIGHTS });
    assertEquals(secret.length, 32);
    assertStringIncludes(out, await deriveKeyId(secret));
    assertStringIncludes(out, "Jeedom methods:    * (what reads and controls)");
    assertStringIncludes(out, "deno task keys show phone");
    assert(!out.includes(secret.toHex()), "The secret is printed");
    assertEquals(((await Deno.stat(`${home.directory}/data/keys.json`)).mode ?? 0) & 0o777, 0o600);
  }));

Deno.test("keys add accepts every option", () =>
  atHome(async (home) => {
    const { code, err } = await home.run(
      "add tablet --publish home/+/set --publish a --subscribe home/# --method cmd::* --refuse-method cmd::save " +
        "--endpoint /x.php --broker b.lan --own-apikey --rate 5 --burst 20 --expires 90d --min-protocol 2",
    );
    assertEquals([code, err], [0, ""]);
    const { secret: _, ...rest } = await recordOf(home, "tablet");
    assertEquals(rest, {
      name: "tablet",
      created: NOW,
      expires: NOW + 90 * DAY,
      disabled: false,
      minProtocol: 2,
      rights: {
        jeedom: { methods: ["cmd::*"], refusedMethods: ["cmd::save"], endpoints: ["/x.php"], ownApikey: true },
        mqtt: { publish: ["home/+/set", "a"], subscribe: ["home/#"], brokers: ["b.lan"] },
      },
      rate: { perSecond: 5, burst: 20 },
    });
  }));

Deno.test("keys add reports all mistakes at once, and then writes nothing", () =>
  atHome(async (home) => {
    await home.run("add phone");
    const before = await home.records();
    const { code, out, err } = await home.run("add phone --publish a# --service x --rate 0 --burst 1 --expires 1y");
    assertEquals([code, out], [2, ""]);
    assertEquals(err.split("\n").map((line) => /^\S+/.exec(line)?.[0]), [
      "NAME",
      "--service",
      "--publish",
      "--rate",
      "--expires",
    ]);
    assertStringIncludes((await home.run("add default")).err, 'NAME "default" belongs to the key in SECRET_KEY_FILE');
    assertStringIncludes((await home.run("add a/b")).err, 'NAME "a/b" must be 1 to 64 letters');
    assertEquals(await home.records(), before);
  }));

Deno.test("keys list shows every key without its secret, and how to add the first one", () =>
  atHome(async (home) => {
    const empty = await home.run("list");
    assertEquals(empty.code, 0);
    assertStringIncludes(empty.out, "deno task keys pair NAME");
    const hex = await makeDefault(home);
    await home.run("add phone");
    await home.run("add guest --subscribe home/# --expires 3d");
    const { code, out, err } = await home.run("list", { now: NOW + DAY });
    assertEquals([code, err], [0, ""]);
    const kids = await Promise.all(
      [Uint8Array.fromHex(hex), (await recordOf(home, "guest")).secret, (await recordOf(home, "phone")).secret]
        .map(deriveKeyId),
    );
    assertEquals(out.split("\n"), [
      "NAME     KID               CREATED     STATE",
      `default  ${kids[0]}              active`,
      "  every right",
      `guest    ${kids[1]}  2026-01-31  expires in 2 d`,
      "  MQTT subscribe home/#",
      `phone    ${kids[2]}  2026-01-31  active`,
      "  Jeedom *, own API key; MQTT publish #, subscribe #",
    ]);
    for (const { secret } of Object.values(await home.records())) assert(!out.includes(secret.toHex()));
    assert(!out.includes(hex));
    assertStringIncludes((await home.run("list", { now: NOW + 3 * DAY })).out, "expired");
  }));

Deno.test("keys show prints a code and its URI for PUBLIC_URL, and who holds the key then", () =>
  atHome(async (home) => {
    await home.run("add phone");
    const { code, out, err } = await home.run("show phone", { env: { PUBLIC_URL: "https://home.example/" } });
    assertEquals([code, err], [0, ""]);
    const key = (await recordOf(home, "phone")).secret.toHex();
    const uri = out.split("\n").at(-1) ?? "";
    assertEquals(parsePairingUri(uri), { url: "https://home.example", name: "phone", key });
    assertStringIncludes(out, 'Anyone who sees this code or line has the key "phone"');
    assertStringIncludes(out, drawPairingCode(uri, { invert: false }));
    const inverted = await home.run("show phone --invert", { env: { PUBLIC_URL: "https://home.example/" } });
    assertStringIncludes(inverted.out, drawPairingCode(uri, { invert: true }));
    const bare = await home.run("show phone --no-qr", { env: { PUBLIC_URL: "https://home.example/" } });
    assertEquals(bare.out.split("\n"), ['Anyone who sees this line has the key "phone":', uri]);
  }));

Deno.test("keys list and keys show print the label of a device in quotes, and keep it in the file", () =>
  atHome(async (home) => {
    await home.run("add phone");
    const label = 'Anna\'s "phone"';
    const relabel = (records: readonly KeyRecord[]) => records.map((record) => ({ ...record, label }));
    await editKeysFile(`${home.directory}/data/keys.json`, relabel, {
      files: Deno,
      mode: "strict",
      services: SERVICES,
    });
    const quoted = JSON.stringify(label);
    assertStringIncludes((await home.run("list")).out, `\n  label ${quoted}\n  Jeedom`);
    assertStringIncludes((await home.run("show phone --url http://x --no-qr")).out, `Label of its device: ${quoted}\n`);
    await home.run("set phone --expires 3d");
    assertEquals((await recordOf(home, "phone")).label, label);
  }));

Deno.test("keys show prefers --url, and without any warns that the local address is local", () =>
  atHome(async (home) => {
    await home.run("add phone");
    const urlOf = ({ out }: Run) => parsePairingUri(out.split("\n").at(-1) ?? "").url;
    const given = await home.run("show phone --no-qr --url http://other", { env: { PUBLIC_URL: "https://home" } });
    assertEquals([urlOf(given), given.err], ["http://other", ""]);
    const local = await home.run("show phone --no-qr", { env: { PORT: "10001" } });
    assertEquals(urlOf(local), "http://127.0.0.1:10001");
    assertStringIncludes(local.err, "http://127.0.0.1:10001, which works on this machine only. Set PUBLIC_URL");
    const network = await home.run("show phone --no-qr", { env: { HOST: "192.168.1.5" } });
    assertStringIncludes(network.err, "works in this network only");
    for (const url of ["ftp://x", "https://u:p@x", "https://x/?a", "x", ""]) {
      const { code, out, err } = await home.run(`show phone --url=${url}`);
      assertEquals([code, out], [2, ""]);
      assertStringIncludes(err, "--url is invalid: Gateway's URL must");
    }
  }));

Deno.test("keys show works for default, and warns of a key that does not work", () =>
  atHome(async (home) => {
    const none = await home.run("show default --url http://x");
    assertEquals(none.code, 2);
    assertStringIncludes(none.err, `${home.directory}/secret_key.txt", does not exist`);
    const key = await makeDefault(home);
    const { out } = await home.run("show default --url http://x --no-qr");
    assertEquals(parsePairingUri(out.split("\n").at(-1) ?? "").key, key);
    await home.run("add guest --expires 1h");
    assertStringIncludes((await home.run("show guest --url http://x", { now: NOW + HOUR })).err, "has expired");
    await home.run("disable guest");
    assertStringIncludes((await home.run("show guest --url http://x")).err, "deno task keys enable guest");
  }));

Deno.test("keys rotate keeps the old secret for the overlap, and prints neither", () =>
  atHome(async (home) => {
    await home.run("add phone --expires 90d --rate 1 --burst 2 --subscribe a");
    const old = await recordOf(home, "phone");
    const { code, out, err } = await home.run("rotate phone");
    assertEquals([code, err], [0, ""]);
    const { secret, previous, ...rest } = await recordOf(home, "phone");
    assertNotEquals(secret, old.secret);
    assertEquals(previous, { secret: old.secret, until: NOW + DAY });
    assertEquals({ ...rest, secret: old.secret }, old);
    assertStringIncludes(out, await deriveKeyId(secret));
    assertStringIncludes(out, `works until ${formatTime(NOW + DAY)}`);
    assertStringIncludes(out, "deno task keys show phone");
    for (const bytes of [secret, old.secret]) assert(!out.includes(bytes.toHex()), "A secret is printed");
    assert(!out.includes("The secret before that"), out);
  }));

Deno.test("keys rotate ends an older secret that still worked, and says so", () =>
  atHome(async (home) => {
    await home.run("add phone");
    await home.run("rotate phone --overlap 7d");
    const between = await recordOf(home, "phone");
    const again = await home.run("rotate phone --overlap 30m", { now: NOW + DAY });
    assertEquals((await recordOf(home, "phone")).previous, {
      secret: between.secret,
      until: NOW + DAY + 30 * MINUTE,
    });
    assertStringIncludes(again.out, "The secret before that still worked: it ends now");
    const later = await home.run("rotate phone --overlap 0", { now: NOW + 2 * DAY });
    assertEquals((await recordOf(home, "phone")).previous, undefined);
    assertStringIncludes(later.out, "The old secret ends");
    assert(!later.out.includes("The secret before that"), later.out);
  }));

Deno.test("an edit removes old secrets that have expired, and keeps those that still work", () =>
  atHome(async (home) => {
    await home.run("add phone");
    await home.run("add tablet");
    await home.run("rotate phone --overlap 30m");
    await home.run("rotate tablet --overlap 24h");
    await home.run("disable tablet", { now: NOW + 3_600_000 });
    assertEquals((await recordOf(home, "phone")).previous, undefined);
    assertNotEquals((await recordOf(home, "tablet")).previous, undefined);
  }));

Deno.test("keys rotate refuses an invalid overlap, and says that a disabled key stays disabled", () =>
  atHome(async (home) => {
    await home.run("add phone");
    const before = await home.records();
    for (const overlap of ["", "1y", "-1", "0h", "2027-01-31"]) {
      const { code, err } = await home.run(`rotate phone --overlap=${overlap}`);
      assertEquals(code, 2);
      assertStringIncludes(err, `--overlap "${overlap}" must be a span`);
    }
    assertEquals(await home.records(), before);
    await home.run("disable phone");
    assertStringIncludes((await home.run("rotate phone")).out, "still disabled");
    assertEquals((await recordOf(home, "phone")).disabled, true);
  }));

Deno.test("keys disable and enable switch a key, and keep all else of it", () =>
  atHome(async (home) => {
    await home.run("add phone --expires 1d");
    const before = await recordOf(home, "phone");
    const off = await home.run("disable phone");
    assertEquals(off.code, 0);
    assertStringIncludes(off.out, "ends its open streams, within 2 seconds");
    assertEquals(await recordOf(home, "phone"), { ...before, disabled: true });
    assertStringIncludes((await home.run("disable phone")).out, "was disabled already");
    assertStringIncludes((await home.run("enable phone")).out, "is enabled");
    assertEquals(await recordOf(home, "phone"), before);
    const again = await home.run("enable phone", { now: NOW + DAY });
    assertStringIncludes(again.out, "was enabled already");
    assertStringIncludes(again.err, "has expired");
  }));

Deno.test("keys remove deletes one key, says that it cannot be restored, and warns of the last one", () =>
  atHome(async (home) => {
    await home.run("add phone");
    await home.run("add tablet");
    const { secret } = await recordOf(home, "phone");
    const { code, out, err } = await home.run("remove phone");
    assertEquals([code, err, Object.keys(await home.records())], [0, "", ["tablet"]]);
    assertStringIncludes(out, "within 2 seconds");
    assertStringIncludes(out, "deno task keys add phone");
    assert(!out.includes(secret.toHex()), "The secret is printed");
    assertStringIncludes((await home.run("remove tablet")).err, "That was the last key");
    await makeDefault(home);
    await home.run("add tablet");
    assertEquals((await home.run("remove tablet")).err, "");
  }));

Deno.test("keys names the keys when a name is unknown", () =>
  atHome(async (home) => {
    for (const command of ["show", "rotate", "disable", "enable", "remove"]) {
      const { code, err } = await home.run(`${command} phone`);
      assertEquals([code, err], [2, 'There is no key "phone": add it with deno task keys add phone']);
    }
    await home.run("add tablet");
    await home.run("add guest");
    for (const command of ["show", "rotate", "disable", "enable", "remove"]) {
      const { code, err } = await home.run(`${command} phone`);
      assertEquals([code, err], [2, 'There is no key "phone". There are: guest, tablet']);
    }
  }));

Deno.test("keys does not change default, and names its file and what to do with it", () =>
  atHome(async (home) => {
    await makeDefault(home);
    for (const command of ["rotate", "disable", "enable", "remove"]) {
      const { code, err } = await home.run(`${command} default`);
      assertEquals(code, 2);
      assertStringIncludes(err, `it is in SECRET_KEY_FILE, "${home.directory}/secret_key.txt"`);
      assertStringIncludes(err, "Delete that file once another key exists");
    }
  }));

Deno.test("keys fails with 78 for an invalid configuration or keys file", () =>
  atHome(async (home) => {
    const config = await home.run("list", { env: { PORT: "x", KEY_FILE_MODE: "y" } });
    assertEquals(config.code, 78);
    assertStringIncludes(config.err, "PORT must be");
    assertStringIncludes(config.err, "KEY_FILE_MODE must be");
    await home.run("add phone");
    await Deno.writeTextFile(`${home.directory}/data/keys.json`, "{");
    for (const line of ["list", "add tablet", "show phone", "remove phone"]) {
      const { code, err } = await home.run(line);
      assertEquals(code, 78);
      assertStringIncludes(err, "it is not JSON");
    }
  }));

Deno.test("keys warns when others could read the file", () =>
  atHome(async (home) => {
    await home.run("add phone");
    for (const line of ["list", "disable phone"]) {
      await Deno.chmod(`${home.directory}/data/keys.json`, 0o644);
      const { code, err } = await home.run(line);
      assertEquals(code, 0);
      assertStringIncludes(err, "could be read by others: its mode is 0600 now");
    }
  }));

Deno.test("keys prints a secret only with show, whatever the options of add", () =>
  atHome(async (home) => {
    let count = 0;
    const option = fc.constantFrom(
      "--service mqtt",
      "--service jeedom",
      "--publish a/#",
      "--subscribe +",
      "--method cmd::*",
      "--own-apikey",
      "--expires 2d",
    );
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(option), async (options) => {
        const name = `key${count++}`;
        const { code, out, err } = await home.run(`add ${name} ${options.join(" ")}`);
        const printed = [out, err, (await home.run("list")).out].join("\n");
        const record = (await home.records())[name];
        assertEquals(code === 0, record !== undefined);
        if (record !== undefined) assert(!printed.includes(record.secret.toHex().slice(16)), "A secret is printed");
      }),
      { numRuns: 20 },
    );
  }));

Deno.test("keys names the setting of a file of Redis that cannot be read, and lists the keys without it", () =>
  atHome(async ({ directory, run }) => {
    const env = { REDIS_URL: "rediss://127.0.0.1:1", REDIS_CA_FILE: `${directory}/absent.pem` };
    const fault = `REDIS_CA_FILE "${env.REDIS_CA_FILE}" cannot be read`;
    await run("add phone --service mqtt");
    const list = await run("list", { env });
    assertEquals(list.code, 0);
    assertStringIncludes(list.out, "phone");
    assertStringIncludes(list.err, fault);
    const pair = await run("pair tablet --service mqtt", { env });
    assertEquals(pair.code, 78);
    assertStringIncludes(pair.err, fault);
  }));
