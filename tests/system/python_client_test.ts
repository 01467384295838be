/** The Python client: the tests of every client, and its command line. */
import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { type ClientProgram, ClientTests } from "../clients/client_program.ts";
import { testIntegers } from "../clients/answer_suite.ts";
import { testClient } from "../clients/client_suite.ts";
import { refuse, stay } from "../clients/responses.ts";
import { EXPIRED, type Respond, withFakeGateway } from "../clients/tcp_gateway.ts";
import { withEmbeddedBroker } from "../support/environment.ts";
import { within } from "../support/deadline.ts";
import { freePort } from "../support/loopback.ts";
import { needing } from "../support/needs.ts";
import { ProcessOutput } from "../support/process_output.ts";

const CLIENT = new URL("../../clients/python/", import.meta.url).pathname;
const DRIVER = new URL("../clients/python/driver.py", import.meta.url).pathname;

/** Prefers the Python of the system: another one on the path often has no packages. */
const python = ["/usr/bin/python3", "python3"].find(hasCryptography);
const NEEDS = { "python3-cryptography": python !== undefined || Deno.env.get("CI") === "true" };
const env = { PYTHONPATH: CLIENT, PYTHONDONTWRITEBYTECODE: "1", PYTHONIOENCODING: "utf-8" };

/** Environment without the variables of the command line, and with unbuffered output. */
const UNSET = Object.fromEntries(
  ["GATEWAY_URL", "GATEWAY_KEY", "JEEDOM_CALL_APIKEY", "PORT", "HOST", "TLS_CERT_FILE", "PYTHONUNBUFFERED"]
    .map((name) => [name, ""]),
);

function hasCryptography(path: string): boolean {
  try {
    return new Deno.Command(path, { args: ["-c", "import cryptography"], stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

const program: ClientProgram = {
  language: "Python",
  needs: NEEDS,
  command: () => ({ path: python ?? "python3", args: [DRIVER], env }),
  suffix: "Error",
  badArgument: "ValueError",
};

testClient(program);
testIntegers(program);

const tests = new ClientTests(program);

tests.test("handles numbers that are larger than any float as ordinary failures, or as no wait", () => {
  const huge = "9".repeat(400);
  const refusal = JSON.stringify(`{"error":"Too many requests","retry_after":${huge}}`);
  const responses: readonly Respond[] = [
    (request) => request.replyText(refusal, 429),
    (request) => request.replyText(`{"result":{"datetime":${huge},"result":[]}}`),
  ];
  return withFakeGateway(responses, async (gateway) => {
    const env = { CLIENT_PROTOCOL: "2" };
    tests.assertFailure(await tests.run(gateway, ["call", "datetime", "{}"], env), "rate_limit", { retryAfter: 3600 });
    tests.assertFailure(await tests.run(gateway, ["events", "0", '{"since": 1}'], env), "jeedom");
  });
});

/** Options of the command line. */
interface CommandLineOptions {
  /** Working directory, possibly with an `.env`; without one by default. */
  readonly cwd?: string;
  /** Program; the folder of the package by default. */
  readonly program?: readonly string[];
}

function commandLine(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
  { cwd = CLIENT, program = [`${CLIENT}e2e_gateway`] }: CommandLineOptions = {},
): Deno.Command {
  return new Deno.Command(python ?? "python3", {
    args: [...program, ...args],
    env: { ...env, ...UNSET, ...more },
    cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs a subscription until Ctrl-C after a line, or to its end; returns all lines and the exit code. */
async function listen(args: readonly string[], more: Readonly<Record<string, string>>, last?: RegExp) {
  const child = commandLine(args, more).spawn();
  const output = new ProcessOutput(child);
  try {
    if (last !== undefined) {
      await output.line((line) => last.test(line));
      child.kill("SIGINT");
    }
    const { code } = await within("the end of the program", child.status);
    await output.ended;
    return { code, lines: output.lines };
  } catch (error) {
    child.kill("SIGKILL");
    await child.status;
    await output.ended;
    throw error;
  }
}

async function run(args: readonly string[], more?: Readonly<Record<string, string>>, options?: CommandLineOptions) {
  const { code, stdout, stderr } = await commandLine(args, more, options).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test({
  ...needing(
    "Python command line calls, publishes, subscribes, follows events and checks the health of the gateway",
    NEEDS,
  ),
  fn: () =>
    withEmbeddedBroker(async ({ gateway, jeedom }) => {
      const keyFile = ["--url", gateway.url, "--key-file", `${gateway.directory}/data/secret_key.txt`];
      const inEnvironment = { GATEWAY_URL: gateway.url, GATEWAY_KEY: gateway.key };

      const health = await run(["--url", gateway.url, "health"]);
      assertEquals([health.code, health.stdout.split(" ")[0]], [0, "ok"]);

      const call = await run([...keyFile, "call", "cmd::byId", '{"id": 3}']);
      assertEquals([call.code, JSON.parse(call.stdout).result.name], [0, "Light"]);

      const publish = await run(["publish", "home/mode", "night", "--qos", "1", "--retain"], inEnvironment);
      assertEquals([publish.code, JSON.parse(publish.stdout).success], [0, true]);

      const { code, lines } = await listen(["subscribe", "home/#"], inEnvironment, /^home\/mode night$/);
      assertEquals(code, 0, lines.join("\n"));

      const since = String(Date.now() / 1000 - 1);
      jeedom.home.set(3, 1);
      const event = /^\{"datetime": .*"option": \{"cmd_id": 3, "value": 1\}\}$/;
      const events = await listen(["--protocol", "1", "events", "--since", since], inEnvironment, event);
      assertEquals(events.code, 0, events.lines.join("\n"));
    }),
});

Deno.test({
  ...needing("Python command line resumes when its stream ends, and says so, or ends with it if requested", NEEDS),
  fn: async () => {
    const messages = (lines: readonly string[]) => lines.filter((line) => line.startsWith("home/"));
    const notices = (lines: readonly string[]) =>
      lines.filter((line) => !line.startsWith("home/")).map((line) => line.replace(/:.*/, ""));
    const cut: Respond = (request) => request.serve(1);
    await withFakeGateway([cut, stay(2), cut], async ({ url, key, requests, probes }) => {
      const settings = { GATEWAY_URL: url, GATEWAY_KEY: key };
      const { code, lines } = await listen(["subscribe", "#"], settings, /^home\/n 2$/);
      assertEquals(messages(lines), ["home/n 1", "home/n 2"]);
      assertEquals(notices(lines), ["connected", "disconnected", "connected"]);
      assertEquals(code, 0);

      const once = await listen(["subscribe", "--once", "#"], settings);
      assertEquals(messages(once.lines), ["home/n 1"]);
      assertEquals(notices(once.lines), ["connected", "Stream broke off"]);
      assertEquals(once.code, 1);
      assertEquals(requests.map(({ fields }) => fields["keep"]), [true, true, false]);
      assertEquals(probes.length, 0, "Each probe counts as a failure of the whole address");
    });
  },
});

Deno.test({
  ...needing("Python command line ends silently when its output is closed", NEEDS),
  fn: () =>
    withFakeGateway([stay(2), (request) => request.reply("ok")], async ({ url, key }) => {
      const settings = { GATEWAY_URL: url, GATEWAY_KEY: key };
      for (const [args, exitCode] of [[["subscribe", "#"], 0], [["call", "datetime"], 141]] as const) {
        const child = commandLine(args, settings).spawn();
        await child.stdout.cancel();
        const { code } = await within("the end of the program", child.status);
        const said = await new Response(child.stderr).text();
        assertEquals([code, said.replace(/^connected: .*\n/, "")], [exitCode, ""]);
      }
    }),
});

Deno.test({
  ...needing("Python command line reports which clock is wrong, and the correct time", NEEDS),
  fn: () => {
    const expired: Respond = (request) => request.reply(EXPIRED, { status: 403, timestamp: 1_795_521_600 });
    return withFakeGateway([expired, expired], async ({ url, key }) => {
      const { code, stderr } = await run(["call", "datetime"], { GATEWAY_URL: url, GATEWAY_KEY: key });
      const message = "Request expired: this device's clock is wrong, the gateway's time is 2026-11-24T12:00:00Z";
      assertEquals([code, stderr], [1, `${message} (status 403)`]);
    });
  },
});

Deno.test({
  ...needing("Python command line publishes a message that starts with a dash, and the bytes of a file", NEEDS),
  fn: async () => {
    const path = await Deno.makeTempFile({ prefix: "payload-" });
    const bytes = Uint8Array.of(0xff, 0x00, 0x0a, 0x80);
    try {
      await Deno.writeFile(path, bytes);
      const published: readonly (readonly [readonly string[], Readonly<Record<string, unknown>>])[] = [
        [["t", "-5"], { message: "-5" }],
        [["t", "-hello", "--qos", "1"], { message: "-hello" }],
        [["--retain", "t", "--qos", "1", "--on"], { message: "--on" }],
        [["t", "--", "--qos"], { message: "--qos" }],
        [["t", "--qos", "1", "--", "-5"], { message: "-5" }],
        [["t", "--file", path], { "payload_b64": bytes.toBase64() }],
      ];
      const response: Respond = (request) => request.reply('{"success":true}');
      await withFakeGateway(published.map(() => response), async ({ url, key, requests }) => {
        for (const [index, [args, fields]] of published.entries()) {
          const { code, stderr } = await run(["publish", ...args], { GATEWAY_URL: url, GATEWAY_KEY: key });
          assertEquals([code, stderr], [0, ""]);
          const { topic, message, payload_b64 } = requests[index]?.fields ?? {};
          assertEquals({ topic, message, payload_b64 }, {
            message: undefined,
            payload_b64: undefined,
            ...fields,
            topic: "t",
          });
        }
      });
      const wrong = [["t"], ["t", "a", "b"], ["t", "on", "--file", path], ["t", "--bogus", "on"]];
      for (const args of wrong) assertEquals((await run(["publish", ...args], { GATEWAY_KEY: "0" })).code, 2);
      const missing = await run(["publish", "t", "--file", "/none"], { GATEWAY_KEY: "0".repeat(64) });
      assertMatch(missing.stderr, /No such file or directory: '\/none'$/);
    } finally {
      await Deno.remove(path);
    }
  },
});

Deno.test({
  ...needing("Python command line prints no terminal control sequences, whatever their sender", NEEDS),
  fn: () => {
    const evil = "\u001b[2J\u0007\r\u009b1m\u202egnp\u2066\u200f\u2028";
    const escaped = "\\u001b[2J\\u0007\\u000d\\u009b1m\\u202egnp\\u2066\\u200f\\u2028";
    const message = { type: "message", topic: `home/${evil}`, payload: `é\tü\nhome/lock open${evil}` };
    const responses: readonly Respond[] = [
      async (request) => {
        await request.connect();
        await request.send(message, { type: "disconnected", message: `Why${evil}\nconnected: not`, timestamp: 1 });
        await request.end();
      },
      (request) => request.reply(`é\n${evil}`),
      (request) => request.reply({ result: [evil] }),
      (request) => request.reply(evil, { status: 500 }),
      refuse(400, JSON.stringify({ error: evil })),
      (request) => request.reply({ result: { datetime: 2000, result: [{ datetime: 1999, name: "n", option: evil }] } }),
      refuse(400, JSON.stringify({ error: `${evil}\nNo` })),
    ];
    return withFakeGateway(responses, async ({ url, key }) => {
      const settings = { GATEWAY_URL: url, GATEWAY_KEY: key };
      const subscribed = await run(["subscribe", "--once", "#"], settings);
      assertEquals(subscribed.stdout, `home/${escaped} é\tü\\nhome/lock open${escaped}`);
      assertEquals(subscribed.stderr.split("\n")[1], `disconnected: Why${escaped}\\nconnected: not`);
      // Line breaks of an answer are kept, and JSON is unchanged.
      assertEquals((await run(["call", "text"], settings)).stdout, `é\n${escaped}`);
      const json = await run(["call", "json"], settings);
      assertEquals([JSON.parse(json.stdout), json.stdout.includes("\u202e")], [{ result: [evil] }, false]);
      assertEquals((await run(["call", "failed"], settings)).stderr, `500 ${escaped}`);
      assertEquals((await run(["call", "refused"], settings)).stderr, `${escaped} (status 400)`);
      const events = await run(["events", "--since", "1"], settings);
      assertEquals([JSON.parse(events.stdout).option, events.stdout.includes("\u202e")], [evil, false]);
      assertEquals(events.stderr, `${escaped}\\nNo (status 400)`);
    });
  },
});

Deno.test({
  ...needing(
    "Python command line fails with a reason for an answer that is nested too deeply to parse or to print",
    NEEDS,
  ),
  fn: () => {
    const nested = (depth: number): Respond => (request) => request.replyText("[".repeat(depth) + "]".repeat(depth));
    // Newer versions of Python parse deeper than they serialize.
    const depths = [400, 960, 990, 2000, 100_000];
    return withFakeGateway(depths.map(nested), async ({ url, key, requests }) => {
      for (const depth of depths) {
        const { code, stdout, stderr } = await run(["call", "deep"], { GATEWAY_URL: url, GATEWAY_KEY: key });
        if (code === 0) assertEquals(stdout.replaceAll(/\s/g, "").length, 2 * depth);
        else assertMatch(stderr, /^Answer is (nested too deeply to print|not JSON, or nested too deeply)$/);
        // In between, it depends on the current stack of Python.
        if (depth === 400) assertEquals(code, 0);
        if (depth === 100_000) assertEquals(code, 1);
      }
      assertEquals(requests.length, depths.length);
    });
  },
});

Deno.test({
  ...needing("Python command line fails with a reason, and never with a stack trace", NEEDS),
  fn: () =>
    withEmbeddedBroker(async ({ gateway: { url, key } }) => {
      const nowhere = `http://127.0.0.1:${freePort()}`;
      const reasons: readonly (readonly [readonly string[], Readonly<Record<string, string>>, RegExp])[] = [
        [["call", "datetime"], {}, /^No key: give --key-file, or set GATEWAY_KEY$/],
        [["call", "datetime"], { GATEWAY_KEY: "abc" }, /^Key must be 64 hexadecimal characters$/],
        [
          ["call", "datetime"],
          { GATEWAY_KEY: "0".repeat(64) },
          /^Decryption failed: does the gateway have this key\? \(status 401\)$/,
        ],
        [
          ["--protocol", "1", "call", "datetime"],
          { GATEWAY_KEY: "0".repeat(64) },
          /^Decryption failed: does the gateway have this key, or is the key for version 2 alone\? \(status 401\)$/,
        ],
        [["call", "datetime", "{"], { GATEWAY_KEY: key }, /^Parameters are not JSON: .*$/],
        [["call", "no::such method"], { GATEWAY_KEY: key }, /jsonrpc.* \(status 403\)$/],
        [["--url", "home", "call", "datetime"], { GATEWAY_KEY: key }, /^Address must begin with http:.*$/],
        [["--url", "http://home:port", "health"], {}, /^Address has a wrong host or port: "http:\/\/home:port"$/],
        [["--url", "http://[::1", "health"], {}, /^Address has a wrong host or port: .*$/],
        [["call", "datetime", "[]"], { GATEWAY_KEY: key }, /^Parameters must be one JSON object$/],
        [["--url", nowhere, "health"], {}, /^No gateway answers at http:\/\/127\.0\.0\.1:\d+: .*refused$/],
        [["--key-file", "/none", "call", "datetime"], {}, /^Key file "\/none" does not exist$/],
      ];
      for (const [args, more, reason] of reasons) {
        const { code, stdout, stderr } = await run(args, { GATEWAY_URL: url, ...more });
        assertMatch(stderr, reason);
        assertEquals([code, stdout], [1, ""]);
      }
    }),
});

Deno.test({
  ...needing("Python command line without its package says how to install it, without a traceback", NEEDS),
  fn: async () => {
    // Without `site`, Python finds no installed packages.
    for (const program of [["-S", `${CLIENT}e2e_gateway`], ["-S", "-m", "e2e_gateway"]]) {
      const { code, stdout, stderr } = await run(["call", "datetime"], {}, { program });
      assertEquals([code, stdout, stderr.split("\n").length], [1, "", 1], stderr);
      assertMatch(stderr, /^The Python package cryptography is missing\..*sudo apt install python3-cryptography/);
      assertMatch(stderr, /python3 -m venv \S+ && \S+pip install cryptography/);
    }
  },
});

Deno.test({
  ...needing("Python command line prints all options of all commands and exits with 0", NEEDS),
  fn: async () => {
    const { code, stdout, stderr } = await run(["--help"]);
    assertEquals([code, stderr], [0, ""]);
    const options = [
      ...["--url", "--key-file", "--protocol", "--apikey-file", "--apikey", "--file", "--qos", "--retain"],
      ...["--once", "--since", "GATEWAY_URL", "GATEWAY_KEY", "JEEDOM_CALL_APIKEY", "PORT"],
    ];
    for (const option of options) assertMatch(stdout, new RegExp(`(^|[\\s[])${option}\\b`, "m"));
    for (const command of ["call", "publish", "subscribe", "events", "health"]) {
      const help = await run([command, "--help"]);
      assertEquals([help.code, help.stderr, help.stdout.includes(`usage: e2e_gateway ${command}`)], [0, "", true]);
    }
  },
});

Deno.test({
  ...needing(
    "Python command line ends without a traceback when its output is closed or full, also for its help",
    NEEDS,
  ),
  fn: async () => {
    const command = `"${python}" "${CLIENT}e2e_gateway" --help`;
    // Python buffers its output by default.
    for (const more of [{}, { PYTHONUNBUFFERED: "1" }]) {
      for (const output of ["| true", ">&-", ">/dev/full"]) {
        const { stderr } = await new Deno.Command("sh", {
          args: ["-c", `${command} ${output}`],
          env: { ...env, ...UNSET, ...more },
        })
          .output();
        assertNotMatch(new TextDecoder().decode(stderr), /Traceback|Exception ignored/);
      }
    }
  },
});

Deno.test({
  ...needing("Python command line reads key files and variables as editors and shells write them", NEEDS),
  fn: async () => {
    const directory = await Deno.makeTempDir({ prefix: "python-client-" });
    const succeed: Respond = (request) => request.reply("ok");
    try {
      await withFakeGateway([succeed, succeed, succeed, succeed], async ({ url, key }) => {
        const path = `${directory}/key.txt`;
        for (const text of [`${key}\r\n`, `\ufeff${key}`, `  ${key.toUpperCase()}\n\n`]) {
          await Deno.writeTextFile(path, text);
          assertEquals((await run(["--url", url, "--key-file", path, "call", "x"])).stdout, "ok");
        }
        assertEquals((await run(["--url", url, "call", "x"], { GATEWAY_KEY: ` ${key}\r\n` })).stdout, "ok");

        const utf16 = [0xff, 0xfe, ...[...key].flatMap((digit) => [digit.charCodeAt(0), 0])];
        const wrong: readonly (readonly [Uint8Array, RegExp])[] = [
          [Uint8Array.from(utf16), /^Key file ".*" is in UTF-16.*: save it as UTF-8$/],
          [Uint8Array.of(0xe9), /must hold one secret, and nothing else$/],
          [new TextEncoder().encode(`${key}\n${key}\n`), /must hold one secret, and nothing else$/],
          [new Uint8Array(), /must hold one secret, and nothing else$/],
          [new TextEncoder().encode("abc"), /^Key must be 64 hexadecimal characters$/],
        ];
        for (const [bytes, reason] of wrong) {
          await Deno.writeFile(path, bytes);
          const { code, stderr } = await run(["--url", url, "--key-file", path, "call", "x"]);
          assertEquals(code, 1);
          assertMatch(stderr, reason);
          assertEquals(stderr.includes(key.slice(0, 8)), false, "The message quotes the file");
        }
        assertMatch(
          (await run(["--key-file", directory, "call", "x"])).stderr,
          /^Key file .* cannot be read: Is a dir/,
        );
      });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  ...needing(
    "Python command line finds the gateway of this machine by PORT, HOST and TLS_CERT_FILE, also from .env",
    NEEDS,
  ),
  fn: async () => {
    const directory = await Deno.makeTempDir({ prefix: "python-client-" });
    const health = async (variables: Readonly<Record<string, string>>, file?: string) => {
      if (file !== undefined) await Deno.writeTextFile(`${directory}/.env`, file);
      return (await run(["health"], variables, { cwd: directory })).stderr.replace(/: \[Errno.*/, "");
    };
    const noGateway = (url: string) => `No gateway answers at ${url}`;
    try {
      assertEquals(await health({ PORT: "1" }), noGateway("http://127.0.0.1:1"));
      assertEquals(await health({ PORT: "1", HOST: "0.0.0.0" }), noGateway("http://127.0.0.1:1"));
      assertEquals(await health({ PORT: "1", HOST: "::" }), noGateway("http://127.0.0.1:1"));
      assertEquals(await health({ PORT: "1", HOST: "::1", TLS_CERT_FILE: "x" }), noGateway("https://[::1]:1"));
      assertEquals(await health({ PORT: "1", GATEWAY_URL: "http://127.0.0.1:2" }), noGateway("http://127.0.0.1:2"));
      assertMatch(await health({ PORT: "x" }), /^PORT must be a whole number from 1 to 65535, not "x"$/);
      assertMatch(await health({ PORT: "65536" }), /^PORT must be/);
      assertMatch(await health({ PORT: "0" }), /^PORT=0 is any free port/);
      const file = "\ufeff# Settings\r\n#PORT=7\r\nPORT=3 # here\r\n export HOST = '127.0.0.2'\r\n";
      assertEquals(await health({}, file), noGateway("http://127.0.0.2:3"));
      assertEquals(await health({ PORT: "1" }), noGateway("http://127.0.0.2:1"));
      assertEquals(await health({}, 'GATEWAY_URL="http://127.0.0.1:4"\nPORT=x'), noGateway("http://127.0.0.1:4"));
      // UTF-16, as PowerShell writes it.
      assertMatch(await health({}, Array.from("\ufffdPORT=3\r\n").join("\0")), /^\.env is in UTF-16/);
      await Deno.remove(`${directory}/.env`);
      // Virtual environments of Python have this name, too.
      await Deno.mkdir(`${directory}/.env`);
      assertEquals(await health({ PORT: "1" }), noGateway("http://127.0.0.1:1"));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  ...needing(
    "Python command line reads Jeedom's API key from a file or a variable, and warns of one on the command line",
    NEEDS,
  ),
  fn: async () => {
    const directory = await Deno.makeTempDir({ prefix: "python-client-" });
    const path = `${directory}/apikey.txt`;
    await Deno.writeTextFile(path, "\ufefffrom-file\r\n");
    const variable = { JEEDOM_CALL_APIKEY: "from-variable" };
    const ways: readonly (readonly [readonly string[], Readonly<Record<string, string>>, unknown, RegExp])[] = [
      [[], {}, null, /^$/],
      [[], variable, "from-variable", /^$/],
      [["--apikey-file", path], variable, "from-file", /^$/],
      [["--apikey", "typed"], variable, "typed", /^Warning: other users of this machine can read --apikey: use .*$/],
    ];
    const events: Respond = (request) => request.reply({ jsonrpc: "2.0", error: { code: 1, message: "No" } });
    const responses = ways.flatMap((): Respond[] => [(request) => request.reply("ok"), events]);
    try {
      await withFakeGateway(responses, async ({ url, key, requests }) => {
        for (const [args, more, apikey, said] of ways) {
          const settings = { GATEWAY_URL: url, GATEWAY_KEY: key, ...more };
          const call = await run(["call", "x", ...args], settings);
          assertEquals([call.code, call.stdout, requests.at(-1)?.fields["apikey"]], [0, "ok", apikey]);
          assertMatch(call.stderr, said);
          assertEquals(call.stderr.includes("typed"), false);
          await run(["events", "--since", "1", ...args], settings);
          assertEquals(requests.at(-1)?.fields["apikey"], apikey);
        }
        const settings = { GATEWAY_URL: url, GATEWAY_KEY: key };
        assertEquals((await run(["call", "x", "--apikey", "a", "--apikey-file", path], settings)).code, 2);
        const missing = await run(["call", "x", "--apikey-file", `${path}.none`], settings);
        assertMatch(missing.stderr, /^API key file ".*" does not exist$/);
      });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
