/** `keys pair`, `keys pass` and `keys add --pair`: pairing codes, while no gateway runs. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCommand } from "../../src/cli/commands.ts";
import { keys, KEYS_LINE, SUBCOMMAND_LINES } from "../../src/cli/keys.ts";
import { drawPairingCode } from "../../src/cli/keys/qr_code.ts";
import { readKeysFile } from "../../src/keys/keyring_file.ts";
import { completeKey, MAX_PENDING_PAIRINGS } from "../../src/keys/pairing_code.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import { fromBase64Url } from "../../src/protocol/bytes.ts";
import { derivePairingKey } from "../../src/protocol/pairing_exchange.ts";
import { parsePairingLink } from "../../src/protocol/pairing_link.ts";
import { deriveKeyId } from "../../src/protocol/secret_key.ts";
import { SERVICES } from "../../src/services/registry.ts";
import type { FoundPairing } from "../../src/store/state/pairing_store.ts";
import { SqliteState } from "../../src/store/state/sqlite_state.ts";
import { fakePlatform } from "../support/platform.ts";
import { EVERYDAY_RIGHTS } from "../support/rights.ts";
import { inTempDir } from "../support/temp_dir.ts";

const NOW = Date.UTC(2026, 0, 31, 12, 30);
const MINUTE = 60_000;
const URL_ENV = { PUBLIC_URL: "https://home.example/door" };

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A gateway's directory, and commands in it. */
interface Home {
  readonly directory: string;
  /** Runs `keys` with a command line, at a time. */
  run(line: string, options?: { readonly now?: number; readonly env?: Record<string, string> }): Promise<Run>;
  /** Reads the records of the keys file. */
  records(): Promise<readonly KeyRecord[]>;
  /** Finds the code of a printed link in the store. */
  find(out: string, now?: number): Promise<FoundPairing | undefined>;
}

function atHome(test: (home: Home) => Promise<void>): Promise<void> {
  return inTempDir((directory) =>
    test({
      directory,
      async run(line, { now = NOW, env = URL_ENV } = {}) {
        const out: string[] = [];
        const err: string[] = [];
        const paths = { KEYS_FILE: `${directory}/data/keys.json`, SECRET_KEY_FILE: `${directory}/data/secret_key.txt` };
        const settings: Record<string, string> = { ...paths, ...env };
        const platform = fakePlatform({
          args: line.split(" "),
          files: {
            ...Deno,
            readTextFile: (path) =>
              path === ".env" ? Promise.reject(new Deno.errors.NotFound()) : Deno.readTextFile(path),
          },
          env: (name) => settings[name],
          print: (text) => void out.push(text),
          printError: (text) => void err.push(text),
        });
        const command = { line: KEYS_LINE, subcommands: SUBCOMMAND_LINES, run: () => keys(platform, () => now) };
        return { code: await runCommand(command, platform), out: out.join("\n"), err: err.join("\n") };
      },
      async records() {
        const path = `${directory}/data/keys.json`;
        return (await readKeysFile(path, { files: Deno, mode: "strict", services: SERVICES }))?.keys ?? [];
      },
      async find(out, now = NOW) {
        const { code } = parsePairingLink(linkIn(out));
        const kid = await deriveKeyId(await derivePairingKey(fromBase64Url(code)));
        const silent = () => {};
        const log = { debug: silent, info: silent, warn: silent, error: silent };
        const state = new SqliteState({ path: `${directory}/data/state.db`, files: Deno, mode: "strict", log });
        try {
          return await state.findPairing(kid, now);
        } finally {
          await state.close();
        }
      },
    })
  );
}

/** Returns the link that a command printed. */
function linkIn(out: string): string {
  return out.split("\n").find((line) => line.startsWith("http")) ?? "";
}

/** Returns the key that a code makes. */
function keyOf(found: FoundPairing | undefined): KeyRecord {
  if (found?.record === undefined) throw new Error("There is no code for a new key");
  return completeKey(found.record, { secret: new Uint8Array(32) }, SERVICES);
}

Deno.test("keys pair prints a code and its link, keeps the code without the link, and adds no key", () =>
  atHome(async ({ run, records, find, directory }) => {
    const { code, out, err } = await run("pair phone");
    assertEquals([code, err, await records()], [0, "", []]);
    const link = linkIn(out);
    assertMatch(link, /^https:\/\/home\.example\/door\/#pair=[\w-]{22}$/);
    assertStringIncludes(out, drawPairingCode(link, { invert: false }));
    assertStringIncludes(out, 'within 10 min. It works once, and gives the device the key "phone":');
    assertEquals(out.split("\n").at(-1), link);
    const found = await find(out);
    const { secret: _, rights, ...key } = keyOf(found);
    assertEquals(key, { name: "phone", created: NOW, disabled: false, minProtocol: 2 });
    assertEquals(rights, EVERYDAY_RIGHTS.rights);
    assertEquals(found?.expires, NOW + 10 * MINUTE);
    assertEquals(((await Deno.stat(`${directory}/data/state.db`)).mode ?? 0) & 0o777, 0o600);
    const kept = new TextDecoder("latin1").decode(await Deno.readFile(`${directory}/data/state.db`));
    assert(!kept.includes(parsePairingLink(link).code), "The code itself is kept");
  }));

Deno.test("keys pair and keys add --pair take the options of keys add", () =>
  atHome(async ({ run, find }) => {
    const options = "phone --service mqtt --publish home/# --expires 24h --rate 2 --burst 4 --no-qr";
    for (const line of [`pair ${options}`, `add ${options} --pair`]) {
      const { code, out } = await run(line);
      assertEquals(code, 0);
      assert(!out.includes("█"), "A code was drawn");
      const { rights, rate, expires, minProtocol } = keyOf(await find(out));
      assertEquals(Object.keys(rights), ["mqtt"]);
      assertEquals([rate, expires, minProtocol], [{ perSecond: 2, burst: 4 }, NOW + 24 * 60 * MINUTE, 2]);
      assertStringIncludes(out, "home/#");
    }
  }));

Deno.test("keys pair reports all mistakes at once, and then keeps no code", () =>
  atHome(async ({ run, directory }) => {
    await run("add phone");
    const { code, err } = await run("pair phone --service x --expires never-ever --rate 2");
    assertEquals(code, 2);
    for (const part of ['NAME "phone" is taken', "keys pair phone --replace", "--service", "--expires", "--burst"]) {
      assertStringIncludes(err, part);
    }
    for (const line of ["pair", "pair a b", "pair default", "pair -x", "pair tablet --url ftp://home"]) {
      assertEquals((await run(line)).code, 2, line);
    }
    assertEquals(await Deno.stat(`${directory}/data/state.db`).then(() => true, () => false), false);
  }));

Deno.test("keys pair replaces the waiting code of the same name", () =>
  atHome(async ({ run, find }) => {
    const [first, second] = [await run("pair phone"), await run("pair phone")];
    assertEquals([await find(first.out), (await find(second.out))?.name], [undefined, "phone"]);
  }));

Deno.test("keys pair --replace makes a code for an existing key, and refuses options of rights", () =>
  atHome(async ({ run, find, records }) => {
    await run("add phone --service mqtt");
    const before = await records();
    const { code, out } = await run("pair phone --replace");
    const found = await find(out);
    assertEquals([code, found?.name, found?.record], [0, "phone", undefined]);
    assertStringIncludes(out, "keeps its rights");
    assertEquals(await records(), before);
    const refused = await run("pair phone --replace --publish t");
    assertEquals([refused.code, refused.err.includes("keys set phone --publish")], [2, true]);
    const unknown = await run("pair tablet --replace");
    assertEquals([unknown.code, unknown.err.includes('There is no key "tablet"')], [2, true]);
    assertEquals((await run("pair default --replace")).code, 2);
    await run("disable phone");
    assertStringIncludes((await run("pair phone --replace")).err, "keys enable phone");
  }));

Deno.test("keys show, set, rotate, disable and enable say of a key that it waits for its device, and what to do", () =>
  atHome(async ({ run }) => {
    await run("pair tablet --publish home/# --no-qr");
    for (const line of ["show tablet", "set tablet --expires 2h", "rotate tablet", "disable tablet", "enable tablet"]) {
      const { code, err } = await run(line);
      assertEquals(code, 2, line);
      assertStringIncludes(err, 'Key "tablet" waits for its device');
      assertStringIncludes(err, "deno task keys pair tablet --replace");
      assertStringIncludes(err, "deno task keys remove tablet");
    }
    // Another name is not explained by it, nor this one once its link has expired.
    assertStringIncludes((await run("show phone")).err, 'There is no key "phone"');
    assertStringIncludes((await run("show tablet", { now: NOW + 11 * MINUTE })).err, 'There is no key "tablet"');
  }));

Deno.test("keys pair --replace makes another link for a key that waits for its device, with the same rights", () =>
  atHome(async ({ run, find, records }) => {
    const first = await run("pair tablet --publish home/# --expires 2h --no-qr");
    const before = await find(first.out);
    const second = await run("pair tablet --replace --no-qr", { now: NOW + MINUTE });
    assertEquals([second.code, second.err], [0, ""]);
    assertEquals(await find(first.out), undefined);
    const after = await find(second.out);
    assertEquals([after?.record, after?.isUsed], [before?.record, false]);
    assertEquals(await records(), []);
  }));

Deno.test("keys pass makes a code with a name and rights, and tells what the guest may do", () =>
  atHome(async ({ run, find }) => {
    const { code, out } = await run("pass --action open-gate --expires 2h --uses 3 --name plumber");
    const { name, rights, expires } = keyOf(await find(out));
    assertEquals([code, name, expires], [0, "plumber", NOW + 120 * MINUTE]);
    assertEquals(rights, { action: { actions: ["open-gate"], uses: 3 } });
    for (const part of ['The guest "plumber" may', "open-gate", "3 in all", "in 2 h", "within 10 min", "works once"]) {
      assertStringIncludes(out, part);
    }
    const unnamed = await run("pass --action bell --expires 1h");
    assertMatch(keyOf(await find(unnamed.out)).name, /^guest-[0-9a-f]{6}$/);
  }));

Deno.test("keys pass refuses a pass without rights, an argument and a name that is taken", () =>
  atHome(async ({ run }) => {
    await run("add plumber");
    const cases = [
      ["pass", "needs rights"],
      ["pass --name x --no-qr", "needs rights"],
      ["pass --expires 2h", "needs rights"],
      ["pass plumber --expires 2h", "Unexpected argument"],
      ["pass --action bell --name plumber", "is taken"],
      ["pass --uses 3", "may run no action"],
    ] as const;
    for (const [line, part] of cases) {
      const { code, err } = await run(line);
      assertEquals(code, 2);
      assertStringIncludes(err, part);
    }
  }));

Deno.test("a code ends with its key, if that is sooner", () =>
  atHome(async ({ run, find }) => {
    const { out } = await run("pass --action bell --expires 4m");
    assertStringIncludes(out, "within 4 min");
    assertEquals((await find(out))?.expires, NOW + 4 * MINUTE);
  }));

Deno.test("keys list shows the codes that wait, without the links, until they expire", () =>
  atHome(async ({ run }) => {
    await run("add phone");
    const codes = [await run("pair tablet --service mqtt"), await run("pair phone --replace")];
    const { out } = await run("list", { now: NOW + 3 * MINUTE });
    assertMatch(out, /^tablet {2,}waits for its device: 7 min\n {2}MQTT/m);
    assertMatch(out, /^phone .*active\n {2,}waits for its device: 7 min\n/m);
    for (const { out: shown } of codes) assert(!out.includes(parsePairingLink(linkIn(shown)).code));
    assert(!(await run("list", { now: NOW + 10 * MINUTE })).out.includes("waits"));
  }));

Deno.test("keys remove removes the waiting code of a name, with or without its key", () =>
  atHome(async ({ run, find, records }) => {
    const { out: tablet } = await run("pair tablet");
    const removed = await run("remove tablet");
    assertEquals([removed.code, await find(tablet)], [0, undefined]);
    assertStringIncludes(removed.out, 'pairing code for "tablet" is removed');
    assertEquals((await run("remove tablet")).code, 2);
    await run("add phone");
    const { out: phone } = await run("pair phone --replace");
    assertEquals([(await run("remove phone")).code, await find(phone), await records()], [0, undefined, []]);
  }));

Deno.test("keys pair fails when too many codes wait, and says what to do", () =>
  atHome(async ({ run, directory }) => {
    await run("pair device-0 --no-qr");
    const silent = () => {};
    const log = { debug: silent, info: silent, warn: silent, error: silent };
    const state = new SqliteState({ path: `${directory}/data/state.db`, files: Deno, mode: "strict", log });
    for (let index = 1; index < MAX_PENDING_PAIRINGS; index += 1) {
      const pairing = { kid: `${index}`, secret: new Uint8Array(32), name: `device-${index}`, record: "{}" };
      await state.addPairing({ ...pairing, expires: NOW + MINUTE }, { now: NOW, max: 1000 });
    }
    await state.close();
    const { code, err } = await run("pair phone --no-qr");
    assertEquals(code, 2);
    assertStringIncludes(err, `${MAX_PENDING_PAIRINGS} pairing codes wait`);
    assertStringIncludes(err, "keys remove NAME");
    assertEquals((await run("pair phone --no-qr", { now: NOW + MINUTE })).code, 0);
  }));

Deno.test("keys pair fails with 78 for a damaged state file; keys list and keys remove warn of it", () =>
  atHome(async ({ run, directory, records }) => {
    await run("add phone");
    await Deno.writeTextFile(`${directory}/data/state.db`, "");
    const { code, err, out } = await run("pair tablet");
    assertEquals([code, linkIn(out)], [78, ""]);
    assertStringIncludes(err, "state.db");
    const list = await run("list");
    assertEquals([list.code, list.out.includes("phone"), list.err.includes("is empty")], [0, true, true]);
    const removed = await run("remove phone");
    assertEquals([removed.code, removed.err.includes("is empty"), await records()], [0, true, []]);
  }));

Deno.test("keys pair warns of an address that browsers do not encrypt on, and of a guessed one", () =>
  atHome(async ({ run }) => {
    assertStringIncludes((await run("pair phone --url http://192.168.1.20:10000")).err, "Browsers encrypt only");
    for (const url of ["http://localhost:10000", "http://127.0.0.1:10000", "https://home.example"]) {
      assertEquals((await run(`pair phone --url ${url}`)).err, "");
    }
    assertStringIncludes((await run("pair phone", { env: {} })).err, "PUBLIC_URL is not set");
  }));
