/** Address in the code of `keys show` while PUBLIC_URL is not set, and size of the code in a terminal. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FakeTime } from "../support/fake_time.ts";
import { keys } from "../../src/cli/keys.ts";
import { drawPairingCode } from "../../src/cli/keys/qr_code.ts";
import type { NetworkAddress, Platform } from "../../src/platform.ts";
import { formatPairingUri, parsePairingUri } from "../../src/protocol/pairing.ts";
import { fakePlatform } from "../support/platform.ts";
import { inTempDir } from "../support/temp_dir.ts";

const FUNNEL = "https://house.tail1234.ts.net";

/** Gateway with the key "phone", and a terminal. */
interface Home {
  /** Runs `keys show phone`; the rows of the terminal, standard output and errors as they come. */
  show(options?: ShowOptions): Promise<readonly string[]>;
  /** Runs `keys disable phone`. */
  disable(): Promise<unknown>;
}

interface ShowOptions {
  readonly words?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly run?: Platform["run"];
  readonly interfaces?: readonly NetworkAddress[];
  readonly isContainer?: boolean;
}

function atHome(test: (home: Home) => Promise<void>): Promise<void> {
  return inTempDir(async (directory) => {
    const run = async (args: readonly string[], options: ShowOptions): Promise<readonly string[]> => {
      const { env = {}, run, interfaces = [], isContainer = false } = options;
      const settings: Readonly<Record<string, string>> = { KEYS_FILE: `${directory}/data/keys.json`, ...env };
      const platform = fakePlatform({
        args,
        files: {
          ...Deno,
          readTextFile: (path) =>
            path === ".env" ? Promise.reject(new Deno.errors.NotFound()) : Deno.readTextFile(path),
          stat: (path) => path !== "/.dockerenv" ? Deno.stat(path) : isContainer ? Deno.stat(".") : Deno.stat("/none"),
        },
        env: (name) => settings[name],
        networkInterfaces: () => interfaces,
        ...run === undefined ? {} : { run },
      });
      assertEquals(await keys(platform), 0);
      return platform.lines;
    };
    await run(["add", "phone"], {});
    await test({
      show: (options = {}) => run(["show", "phone", ...options.words ?? []], options),
      disable: () => run(["disable", "phone"], {}),
    });
  });
}

/** The address in the pairing line. */
function addressIn(lines: readonly string[]): string {
  return parsePairingUri(lines.find((line) => line.startsWith("e2eg:")) ?? "").url;
}

/** Answers of Tailscale: connected or not, with Funnel, or within the tailnet only. */
function tailscale({ state = "Running", isPublic = true, port = 10_000 } = {}): Platform["run"] {
  const host = "house.tail1234.ts.net:443";
  return (command, [what]) => {
    assertEquals(command, "tailscale");
    const served = {
      Web: { [host]: { Handlers: { "/": { Proxy: `http://127.0.0.1:${port}` } } } },
      AllowFunnel: { [host]: isPublic },
    };
    const answer = what === "status" ? { BackendState: state, Self: { DNSName: "house.tail1234.ts.net." } } : served;
    return Promise.resolve({ code: 0, stdout: JSON.stringify(answer) });
  };
}

function network(...addresses: readonly (readonly [name: string, address: string])[]): readonly NetworkAddress[] {
  return addresses.map(([name, address]) => ({ name, address, family: address.includes(":") ? "IPv6" : "IPv4" }));
}

const LAN = network(
  ["lo", "127.0.0.1"],
  ["lo", "::1"],
  ["wlan0", "fe80::1"],
  ["wlan0", "fd12::20"],
  ["wlan0", "192.168.1.20"],
  ["docker0", "172.17.0.1"],
  ["br-0123456789ab", "172.18.0.1"],
  ["veth12", "169.254.3.4"],
  ["tailscale0", "100.101.102.103"],
);

Deno.test("keys show uses the Funnel address when Funnel leads to the gateway's port", () =>
  atHome(async ({ show }) => {
    const lines = await show({ run: tailscale(), interfaces: LAN });
    assertEquals(addressIn(lines), FUNNEL);
    assertEquals(lines.at(-1)?.split("\n"), [
      `PUBLIC_URL is not set, so this code is for ${FUNNEL}, which works from everywhere. ` +
      `To keep it, set PUBLIC_URL=${FUNNEL} in .env`,
      "Other addresses of this gateway:",
      "  deno task keys show phone --url http://192.168.1.20:10000   works in this network only",
      "  deno task keys show phone --url http://100.101.102.103:10000   works for devices of your tailnet only",
    ]);
  }));

Deno.test("keys show uses the address in the network when Funnel leads elsewhere, is private, or is not connected", () =>
  atHome(async ({ show }) => {
    const others = [
      tailscale({ port: 8123 }),
      tailscale({ isPublic: false }),
      tailscale({ state: "Stopped" }),
      () => Promise.reject(new Deno.errors.NotFound()),
      () => Promise.reject(new Deno.errors.NotCapable()),
      () => Promise.resolve({ code: 1, stdout: "no JSON" }),
    ];
    for (const run of others) {
      assertEquals(addressIn(await show({ run, interfaces: LAN })), "http://192.168.1.20:10000");
    }
    const lines = await show({ run: tailscale({ isPublic: false }), interfaces: LAN });
    assertStringIncludes(lines.at(-1) ?? "", `--url ${FUNNEL}   works for devices of your tailnet only`);
  }));

Deno.test("keys show warns below the code and the URI, of the address and of a key that does not work", () =>
  atHome(async ({ show, disable }) => {
    const lines = await show({ interfaces: LAN });
    const line = lines.findIndex((text) => text.startsWith("e2eg:"));
    const warning = lines.findIndex((text) => text.startsWith("PUBLIC_URL is not set"));
    assertEquals([line, warning], [lines.length - 2, lines.length - 1]);
    assertMatch(lines[0] ?? "", /^[█▀▄ \n]+$/);
    assertStringIncludes(
      lines[warning] ?? "",
      "http://192.168.1.20:10000, which works in this network only. Set PUBLIC_URL",
    );
    const bare = await show({ interfaces: LAN, words: ["--no-qr"] });
    assertStringIncludes(bare.at(-1) ?? "", "so this line is for http://192.168.1.20:10000");
    await disable();
    const [disabled, local] = (await show({ interfaces: LAN })).slice(-2);
    assertStringIncludes(disabled ?? "", 'Key "phone" is disabled');
    assertStringIncludes(local ?? "", "PUBLIC_URL is not set");
  }));

Deno.test("keys show has a code for this machine only where HOST or the network leaves nothing else", () =>
  atHome(async ({ show }) => {
    for (const HOST of ["127.0.0.1", "::1", "localhost"]) {
      const lines = await show({ interfaces: LAN, env: { HOST } });
      assertMatch(addressIn(lines), /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost):10000$/);
      assertStringIncludes(lines.at(-1) ?? "", "works on this machine only. Set PUBLIC_URL");
      // Funnel reaches the gateway from this machine.
      assertEquals(addressIn(await show({ run: tailscale(), env: { HOST } })), FUNNEL);
    }
    assertEquals(addressIn(await show({ interfaces: network(["lo", "127.0.0.1"]) })), "http://127.0.0.1:10000");
  }));

Deno.test("keys show suggests the addresses on which HOST listens, with the gateway's scheme", () =>
  atHome(async ({ show }) => {
    const env = { HOST: "::", PORT: "9000", TLS_CERT_FILE: "cert.pem", TLS_KEY_FILE: "key.pem" };
    const lines = await show({ interfaces: LAN, env });
    assertEquals(addressIn(lines), "https://192.168.1.20:9000");
    assertStringIncludes(lines.at(-1) ?? "", "--url https://[fd12::20]:9000   works in this network only");
    assertStringIncludes(lines.at(-1) ?? "", "certificate of TLS_CERT_FILE");
    const one = await show({ interfaces: LAN, env: { HOST: "192.168.7.7" } });
    assertEquals(addressIn(one), "http://192.168.7.7:10000");
    assert(!one.at(-1)?.includes("192.168.1.20"), "An address that HOST shuts out is offered");
  }));

Deno.test("keys show says in a container that only PUBLIC_URL can be right", () =>
  atHome(async ({ show }) => {
    const lines = await show({ interfaces: network(["eth0", "172.18.0.3"]), isContainer: true });
    assertStringIncludes(lines.at(-1) ?? "", "container's own address, which devices seldom reach: set PUBLIC_URL");
    const outside = await show({ run: tailscale(), isContainer: true });
    assert(!outside.at(-1)?.includes("container"), "Funnel's address works for a container as well");
  }));

Deno.test("keys show refuses to guess an address with PORT=0, whose port is another one after each start", () =>
  inTempDir(async (directory) => {
    const env: Readonly<Record<string, string>> = { KEYS_FILE: `${directory}/data/keys.json`, PORT: "0" };
    const run = (...args: string[]) => {
      const platform = fakePlatform({ args, env: (name) => env[name] });
      return keys(platform).then((code) => ({ code, text: platform.lines.join("\n") }));
    };
    assertEquals((await run("add", "phone")).code, 0);
    const { code, text } = await run("show", "phone");
    assertEquals(code, 2);
    assertMatch(text, /^With PORT=0 .*: set PORT or PUBLIC_URL, or give --url$/m);
    assertEquals((await run("show", "phone", "--url", "https://gate.example")).code, 0);
  }));

Deno.test("keys show does not search for addresses when PUBLIC_URL or --url is given", () =>
  atHome(async ({ show }) => {
    const run = () => Promise.reject(new Error("Tailscale was asked"));
    const given = { run, interfaces: LAN, env: { PUBLIC_URL: "https://home.example" } };
    assertEquals((await show(given)).at(-1)?.slice(0, 5), "e2eg:");
    const lines = await show({ ...given, words: ["--url", "http://other"] });
    assertEquals([addressIn(lines), lines.at(-1)?.slice(0, 5)], ["http://other", "e2eg:"]);
  }));

Deno.test("keys show continues when Tailscale's daemon hangs, and ends the program that waits for it", async () => {
  let asked = 0;
  const signals: AbortSignal[] = [];
  await atHome(async ({ show }) => {
    using time = new FakeTime();
    const shown = show({
      interfaces: LAN,
      run: (_command, _args, { signal }) => {
        signals.push(signal);
        asked += 1;
        return new Promise(() => {});
      },
    });
    // Reading the keys takes any time.
    while (asked < 2) await Deno.stat(".");
    time.pass(2000);
    assertEquals(addressIn(await shown), "http://192.168.1.20:10000");
  });
  assertEquals(signals.map(({ aborted }) => aborted), [true, true]);
});

Deno.test("keys add and rotate name PUBLIC_URL before the pairing, unless it is set", () =>
  inTempDir(async (directory) => {
    const KEYS_FILE = `${directory}/keys.json`;
    const lastLine = async (line: string, env: Readonly<Record<string, string>>) => {
      const settings: Readonly<Record<string, string>> = { KEYS_FILE, ...env };
      const files = {
        ...Deno,
        readTextFile: (path: string | URL) => Deno.readTextFile(path === ".env" ? "/none" : path),
      };
      const platform = fakePlatform({ args: line.split(" "), env: (name) => settings[name], files });
      assertEquals(await keys(platform), 0);
      return platform.lines.at(-1);
    };
    const first = "Next, set PUBLIC_URL in .env to the address that devices reach, then pair its device: ";
    assertEquals(await lastLine("add a", {}), `${first}deno task keys show a`);
    assertEquals(await lastLine("rotate a", {}), `${first}deno task keys show a`);
    const PUBLIC_URL = "https://home.example";
    assertEquals(await lastLine("add b", { PUBLIC_URL }), "Next, pair its device: deno task keys show b");
  }));

Deno.test("drawPairingCode() keeps within 24 rows and 80 columns with the addresses and names that homes have", () => {
  const key = "89c40874dfa4a053f9b8c74ee9266f71e7d77c57ebf28fbb9d451b056b06842e";
  const homes = [
    ["http://192.168.100.100:10000", "annas-phone"],
    ["https://yourdevice.tail497f.ts.net", "annas-phone"],
    ["https://raspberrypi-livingroom.tail497fa.ts.net", "annas-old-tablet"],
    // As long as it may be: 63 characters together.
    ["https://home.example", "a".repeat(43)],
  ] as const;
  for (const [url, name] of homes) {
    for (const invert of [false, true]) {
      const rows = drawPairingCode(formatPairingUri({ url, name, key }), { invert }).split("\n");
      assert(rows.length <= 24, `${rows.length} rows for ${url} and ${name}`);
      assert(rows.every((row) => row.length <= 80));
    }
  }
});

Deno.test("keys show says how high the window must be when the code does not fit", () =>
  atHome(async ({ show }) => {
    const url = `https://${"a".repeat(63)}.tail497fa.ts.net`;
    const lines = await show({ words: ["--url", url] });
    const rows = (lines[0] ?? "").split("\n").length;
    assert(rows > 24);
    assertStringIncludes(lines.at(-1) ?? "", `This code has ${rows} rows: make the window higher`);
  }));
