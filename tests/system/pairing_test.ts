/** Pairing of devices with a real gateway in its sandbox, by codes that the real command makes. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  AlreadyPairedError,
  GatewayClient,
  pair,
  PairingCodeError,
  RefusedError,
  ScopeError,
  WrongKeyError,
} from "../../src/client/gateway_client.ts";
import { fromBase64Url, randomBytes } from "../../src/protocol/bytes.ts";
import { sealRequest } from "../../src/protocol/exchange.ts";
import { generateAgreementKey } from "../../src/protocol/p256.ts";
import { derivePairingKey } from "../../src/protocol/pairing_exchange.ts";
import { parsePairingLink } from "../../src/protocol/pairing_link.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { until, within } from "../support/deadline.ts";
import {
  type GatewayProcess,
  type GatewayProcessOptions,
  runMain,
  startGatewayProcess,
} from "../support/gateway_process.ts";
import { freePort } from "../support/loopback.ts";
import { inTempDir } from "../support/temp_dir.ts";

const SERVICES_YAML = `actions: { bell: { label: Bell, publish: { topic: home/bell, message: RING } } }\n`;

/** A gateway's directory, with its commands and processes. */
interface Home {
  readonly directory: string;
  /** Starts the gateway. */
  start(): Promise<GatewayProcess>;
  /** Runs `keys`, and returns its output. */
  keys(...args: readonly string[]): Promise<string>;
  /** Makes a pairing code with `keys`, and returns its link. */
  link(gateway: Pick<GatewayProcess, "url">, ...args: readonly string[]): Promise<string>;
}

function atHome(test: (home: Home) => Promise<void>): Promise<void> {
  return inTempDir(async (directory) => {
    await Deno.writeTextFile(`${directory}/services.yaml`, SERVICES_YAML, { mode: 0o600 });
    const env = { RATE_LIMITS: "off", MQTT_BROKER_PORT: String(freePort()) };
    const options: GatewayProcessOptions = { directory, key: "0".repeat(64) };
    const started: GatewayProcess[] = [];
    async function keys(...args: readonly string[]): Promise<string> {
      const { code, text } = await runMain(["keys", ...args], { directory, env: {} });
      assertEquals(code, 0, text);
      return text;
    }
    const home: Home = {
      directory,
      async start() {
        const gateway = await startGatewayProcess(env, options);
        started.push(gateway);
        return gateway;
      },
      keys,
      async link({ url }, ...args) {
        const text = await keys(...args, "--url", url, "--no-qr");
        const found = /^http\S+#pair=\S+$/m.exec(text)?.[0];
        if (found === undefined) throw new Error(`No link in ${text}`);
        for (const gateway of started) gateway.keepSecret("code", parsePairingLink(found).code);
        return found;
      },
    };
    try {
      await within("the test", test(home), 120_000);
    } finally {
      for (const gateway of started) await gateway.stop("SIGKILL");
    }
  });
}

const clientOf = ({ url, key }: { readonly url: string; readonly key: string }) =>
  new GatewayClient({ url, key, protocol: 2 });

const recordsIn = async ({ directory }: Home): Promise<readonly Record<string, unknown>[]> => {
  const text = await Deno.readTextFile(`${directory}/data/keys.json`).catch(() => '{"keys":[]}');
  return JSON.parse(text).keys;
};

Deno.test("a link of keys pair gives one device its key, in force at once", () =>
  atHome(async (home) => {
    const gateway = await home.start();
    const link = await home.link(gateway, "pair", "phone", "--publish", "home/#");
    assertMatch(await home.keys("list"), /^phone {2,}waits for its device/m);
    const paired = await pair(link, { label: "Ana's phone" });
    gateway.keepSecret("device key", paired.key);
    assertEquals([paired.name, paired.url], ["phone", gateway.url]);
    await clientOf(paired).publish("home/door", "open");
    await assertRejects(() => clientOf(paired).publish("other", "x"), ScopeError);
    await assertRejects(() => pair(link), AlreadyPairedError);
    const [record, ...others] = await recordsIn(home);
    assertEquals([record?.["name"], record?.["label"], record?.["minProtocol"], others], [
      "phone",
      "Ana's phone",
      2,
      [],
    ]);
    const list = await home.keys("list");
    assert(list.includes(paired.kid) && list.includes(`"Ana's phone"`) && !list.includes("waits"), list);
    for (const file of ["state.db", "keys.json"]) {
      assertEquals(((await Deno.stat(`${home.directory}/data/${file}`)).mode ?? 0) & 0o777, 0o600);
    }
    await gateway.output.line((line) =>
      line.includes("Device {label} paired as {name}") && line.includes("Ana's phone")
    );
    assertEquals(await gateway.stop(), 0);
  }));

Deno.test("a code that is made before the gateway starts gives a key, which outlives kill -9", () =>
  atHome(async (home) => {
    await home.keys("add", "other");
    const early = await home.link({ url: "http://127.0.0.1:1" }, "pair", "phone", "--publish", "home/#");
    const first = await home.start();
    const paired = await pair(`${first.url}/#pair=${parsePairingLink(early).code}`);
    await first.stop("SIGKILL");
    const second = await home.start();
    await clientOf({ url: second.url, key: paired.key }).publish("home/door", "open");
    await assertRejects(() => pair(`${second.url}/#pair=${parsePairingLink(early).code}`), AlreadyPairedError);
  }));

Deno.test("of many devices that open a link at once, one gets the key", () =>
  atHome(async (home) => {
    const gateway = await home.start();
    const link = await home.link(gateway, "pair", "phone", "--publish", "home/#");
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => pair(link)));
    const errors = results.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
    assertEquals(errors.length, 7);
    for (const error of errors) assert(error instanceof AlreadyPairedError, String(error));
    const [winner] = results.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
    if (winner === undefined) throw new Error("No device has paired");
    await clientOf(winner).publish("home/door", "open");
    assertEquals((await recordsIn(home)).length, 1);
  }));

Deno.test("a repeated pairing request gets the first answer", () =>
  atHome(async (home) => {
    const gateway = await home.start();
    const link = await home.link(gateway, "pair", "phone");
    const key = await importSecretKey(await derivePairingKey(fromBase64Url(parsePairingLink(link).code)));
    const payload = { timestamp: Date.now() / 1000, public: (await generateAgreementKey()).publicPoint };
    const options = { version: 2, route: "/pair", random: randomBytes } as const;
    const { text: body } = await sealRequest(key, JSON.stringify(payload), options);
    const send = async () => await (await fetch(`${gateway.url}/pair`, { method: "POST", body })).text();
    const answers = [...await Promise.all([send(), send()]), await send()];
    assertEquals(new Set(answers).size, 1);
    assertMatch(answers[0] ?? "", /^2\./);
    assertEquals((await recordsIn(home)).length, 1);
  }));

Deno.test("a guest's pass runs its action as often as it may, and ends with the key", () =>
  atHome(async (home) => {
    const gateway = await home.start();
    const args = ["--action", "bell", "--uses", "2", "--expires", "2h", "--name", "plumber"];
    const paired = await pair(await home.link(gateway, "pass", ...args));
    const ends = Date.parse(paired.expires ?? "");
    assert(ends > Date.now() + 6_900_000 && ends < Date.now() + 7_200_000, paired.expires);
    const guest = clientOf(paired);
    for (const _ of [1, 2]) await guest.action("bell");
    await assertRejects(() => guest.action("bell"), ScopeError);
    await home.keys("remove", "plumber");
    await until(
      "the key ends",
      () => guest.action("bell").then(() => false, (error) => error instanceof WrongKeyError),
    );
  }));

Deno.test("a link that was withdrawn or replaced does nothing", () =>
  atHome(async (home) => {
    const gateway = await home.start();
    const withdrawn = await home.link(gateway, "pair", "phone");
    await home.keys("remove", "phone");
    const replaced = await home.link(gateway, "pair", "tablet");
    const valid = await home.link(gateway, "pair", "tablet");
    for (const link of [withdrawn, replaced]) await assertRejects(() => pair(link), PairingCodeError);
    assertEquals((await pair(valid)).name, "tablet");
  }));

Deno.test("keys pair --replace gives a key to another device, and ends the old one at once", () =>
  atHome(async (home) => {
    const gateway = await home.start();
    const old = await pair(await home.link(gateway, "pair", "phone", "--publish", "home/#"));
    const link = await home.link(gateway, "pair", "phone", "--replace");
    await clientOf(old).publish("home/door", "open");
    const next = await pair(link, { label: "New phone" });
    await assertRejects(() => clientOf(old).publish("home/door", "open"), WrongKeyError);
    await clientOf(next).publish("home/door", "open");
    assertEquals(next.rights, old.rights);
    assertEquals((await recordsIn(home)).map(({ label }) => label), ["New phone"]);
  }));

Deno.test("a name that is given to another key meanwhile stays with it, and the code works once it is free", () =>
  atHome(async (home) => {
    const gateway = await home.start();
    const link = await home.link(gateway, "pair", "phone");
    await home.keys("add", "phone");
    await assertRejects(() => pair(link), RefusedError, "was given to another key");
    const records = await recordsIn(home);
    await Deno.writeTextFile(`${home.directory}/data/keys.json`, JSON.stringify({ version: 1, keys: [] }));
    assertEquals(records.length, 1);
    assertEquals((await pair(link)).name, "phone");
  }));

Deno.test("a gateway that is killed between the claim and the file loses the code, and nothing else", () =>
  atHome(async (home) => {
    const first = await home.start();
    const link = await home.link(first, "pair", "phone", "--publish", "home/#");
    await home.keys("add", "other");
    const records = await recordsIn(home);
    // The gateway waits for this lock after its claim.
    using lock = await Deno.open(`${home.directory}/data/keys.json.lock`, { write: true, create: true });
    await lock.lock(true);
    const lost = pair(link).catch((error) => error);
    const { DatabaseSync } = await import("node:sqlite");
    await until("the claim", () => {
      using database = new DatabaseSync(`${home.directory}/data/state.db`);
      return database.prepare("SELECT kept_until FROM pairings").get()?.kept_until !== null;
    });
    await first.stop("SIGKILL");
    assert(await lost instanceof Error, "The device got an answer");
    await lock.unlock();
    assertEquals(await recordsIn(home), records);
    const second = await home.start();
    const again = `${second.url}/#pair=${parsePairingLink(link).code}`;
    await assertRejects(() => pair(again), AlreadyPairedError);
    assertEquals(await recordsIn(home), records);
    const next = await pair(await home.link(second, "pair", "phone", "--publish", "home/#"));
    await clientOf(next).publish("home/door", "open");
  }));

Deno.test("a gateway that is killed after the file, before the answer, leaves one key, and says that the code was used", () =>
  atHome(async (home) => {
    const first = await home.start();
    const link = await home.link(first, "pair", "phone");
    // Kills the gateway instead of delivering its answer.
    const deaf: typeof fetch = async (input, init) => {
      await (await fetch(input, init)).arrayBuffer();
      await first.stop("SIGKILL");
      throw new TypeError("Connection reset by peer");
    };
    await assertRejects(() => pair(link, { fetch: deaf }));
    const records = await recordsIn(home);
    assertEquals(records.map(({ name }) => name), ["phone"]);
    const second = await home.start();
    const again = `${second.url}/#pair=${parsePairingLink(link).code}`;
    await assertRejects(() => pair(again), AlreadyPairedError);
    assertEquals(await recordsIn(home), records);
    const next = await home.link(second, "pair", "phone", "--replace");
    assertEquals((await pair(next)).name, "phone");
  }));

Deno.test("a gateway whose keys file is locked returns the claim, and the code works later", () =>
  atHome(async (home) => {
    const gateway = await home.start();
    const link = await home.link(gateway, "pair", "phone");
    const lock = await Deno.open(`${home.directory}/data/keys.json.lock`, { write: true, create: true });
    await lock.lock(true);
    const error = await assertRejects(() => pair(link, { timeout: 30_000 }));
    assertMatch(String(error), /could not be saved/);
    lock.close();
    assertEquals((await pair(link)).name, "phone");
  }));

Deno.test("a damaged state file stops pairing with one answer for every code, and the keys go on", () =>
  atHome(async (home) => {
    const gateway = await home.start();
    const paired = await pair(await home.link(gateway, "pair", "phone", "--publish", "home/#"));
    const link = await home.link(gateway, "pair", "tablet");
    const path = `${home.directory}/data/state.db`;
    await Deno.rename(path, `${path}.old`);
    const unknown = `${gateway.url}/#pair=${"A".repeat(22)}`;
    const [one, other] = await Promise.all([link, unknown].map((tried) => assertRejects(() => pair(tried))));
    assertEquals(String(one), String(other));
    await clientOf(paired).publish("home/door", "open");
    await Deno.rename(`${path}.old`, path);
    assertEquals((await pair(link)).name, "tablet");
  }));
