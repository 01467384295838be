/** Requests and output of the client commands. */
import { assert, assertEquals } from "@std/assert";
import { call } from "../../src/cli/call.ts";
import { health } from "../../src/cli/health.ts";
import { publish } from "../../src/cli/publish.ts";
import { subscribe } from "../../src/cli/subscribe.ts";
import { final } from "../client/follow.ts";
import { answer, failure, plain, refuse, stale, stream, unreachable } from "../support/fake_gateway.ts";
import { fakePlatform } from "../support/platform.ts";
import { clientMachine } from "../support/client_machine.ts";

Deno.test("call prints Jeedom's answer", async () => {
  const { platform, requests, notices } = clientMachine(
    ["cmd::byId", '{"id": 3}', "--apikey", "k", "--endpoint", "/e"],
    [answer(200, { name: "Temperature" })],
  );
  assertEquals(await call(platform), 0);
  assertEquals(platform.lines, ['{\n  "name": "Temperature"\n}']);
  assertEquals(notices.map((line) => line.split(":")[0]), [
    "Others on this machine can see an API key that is given with --apikey",
  ]);
  const { timestamp: _, ...fields } = requests[0]?.fields ?? {};
  assertEquals(fields, { service: "jeedom", jsonrpc: "cmd::byId", params: { id: 3 }, apikey: "k", endpoint: "/e" });
});

Deno.test("call prints and sends JSON of any depth", async () => {
  const deep = `{"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  const { platform, requests } = clientMachine(["ping", deep], [plain(`{"status":200,"timestamp":1,"body":${deep}}`)]);
  assertEquals(await call(platform), 0);
  // Compared as text: the comparison of values overflows the stack.
  assert(platform.lines.join() === deep, "Printed otherwise");
  assert(JSON.stringify(requests[0]?.fields["params"]) === deep, "Sent otherwise");
});

for (
  const [error, fault] of [
    [{ code: 2, message: "Vous n'êtes pas autorisé" }, "Jeedom refuses the call: Vous n'êtes pas autorisé (code 2)"],
    [{ code: 0, message: "" }, "Jeedom refuses the call:  (code 0)"],
    [{ code: -32000, message: { text: "no" } }, 'Jeedom refuses the call: {"text":"no"} (code -32000)'],
    [{ message: "No code" }, "Jeedom refuses the call: No code"],
    [{ code: 7 }, 'Jeedom refuses the call: {"code":7} (code 7)'],
    ["Only words", "Jeedom refuses the call: Only words"],
    [["a", "list"], 'Jeedom refuses the call: ["a","list"]'],
    [false, "Jeedom refuses the call: false"],
  ] as const
) {
  Deno.test(`call prints Jeedom's answer, and exits with 1, when its error is ${JSON.stringify(error)}`, async () => {
    const body = { jsonrpc: "2.0", id: 99999, error };
    const { platform, notices } = clientMachine(["ping"], [answer(200, body)]);
    assertEquals(await call(platform), 1);
    assertEquals([platform.lines, notices], [[JSON.stringify(body, null, 2)], [fault]]);
  });
}

Deno.test("call exits with 1 when Jeedom sends an empty answer", async () => {
  for (const body of ["", " \n", null, undefined]) {
    const { platform, notices } = clientMachine(["ping"], [answer(200, body)]);
    assertEquals(await call(platform), 1);
    assertEquals(notices, ["Jeedom sent an empty answer: see its log http.error"]);
  }
});

Deno.test("call exits with 0 when Jeedom answers with a result, whatever it is", async () => {
  for (
    const body of [
      { result: null },
      { result: "ok", error: null },
      { result: { error: "a value" } },
      [],
      "ok",
      0,
      false,
    ]
  ) {
    const { platform, notices } = clientMachine(["ping"], [answer(200, body)]);
    assertEquals(await call(platform), 0);
    assertEquals(notices, []);
  }
});

Deno.test("call names an unknown option and prints the usage, but never its value", async () => {
  const { platform, notices } = clientMachine(["ping", "--apikeyy=s3cret"], []);
  assertEquals(await call(platform), 2);
  assertEquals(notices, [
    "Unknown option '--apikeyy'\nUsage: deno task call METHOD [PARAMS] [options]; --help lists the options",
  ]);
});

Deno.test("call takes one method and its parameters, and prints no further argument: it may be an API key", async () => {
  const { platform, requests, notices } = clientMachine(["ping", "{}", "s3cret-apikey"], []);
  assertEquals(await call(platform), 2);
  assertEquals([requests.length, platform.lines], [0, []]);
  assert(!notices.join().includes("s3cret"), notices.join());
});

Deno.test("call sends the numbers of its parameters as they are written, and refuses a number as parameters", async () => {
  const { platform, requests } = clientMachine(["cmd::execCmd", '{"value": 1e400}'], [answer(200, "ok")]);
  assertEquals(await call(platform), 0);
  assertEquals(requests[0]?.fields["params"], { value: Infinity });
  const { platform: other } = clientMachine(["cmd::execCmd", "1.0"], []);
  assertEquals(await call(other), 2);
});

Deno.test("publish prints the gateway's answer", async () => {
  const { platform, requests } = clientMachine(["t", "m", "--qos", "1", "--retain"], [answer(200, '{"success":true}')]);
  assertEquals(await publish(platform), 0);
  assertEquals(platform.lines, ['{"success":true}']);
  const { topic, message, qos, retain } = requests[0]?.fields ?? {};
  assertEquals([topic, message, qos, retain], ["t", "m", 1, true]);
});

Deno.test("publish accepts arguments that begin with one dash, and after -- all others", async () => {
  for (
    const [words, expected] of [
      [["a", "-5"], ["a", "-5", 0]],
      [["a", "-5.5e3", "--qos", "2"], ["a", "-5.5e3", 2]],
      [["--qos", "1", "-a", "-b"], ["-a", "-b", 1]],
      [["a", "-"], ["a", "-", 0]],
      [["a", "--", "-5"], ["a", "-5", 0]],
      [["a", "--", "--retain"], ["a", "--retain", 0]],
    ] as const
  ) {
    const { platform, requests } = clientMachine(words, [answer(200, "")]);
    assertEquals(await publish(platform), 0);
    const { topic, message, qos } = requests[0]?.fields ?? {};
    assertEquals([topic, message, qos], expected);
  }
});

Deno.test("publish sends the bytes of a file", async () => {
  const path = await Deno.makeTempFile();
  const bytes = Uint8Array.from([0, 255, 254, 10, 13, 0]);
  await Deno.writeFile(path, bytes);
  const { platform, requests } = clientMachine(["t", "--file", path], [answer(200, "")]);
  assertEquals(await publish(platform), 0);
  const { message, payload_b64 } = requests[0]?.fields ?? {};
  assertEquals([message, payload_b64], [undefined, bytes.toBase64()]);
  await Deno.remove(path);
});

Deno.test("publish reports an invalid command line, and sends nothing", async () => {
  for (
    const [words, notice] of [
      [["t"], "Usage: deno task publish TOPIC MESSAGE|--file PATH"],
      [["t", "m", "more"], "Usage: "],
      [["t", "m", "--file", "x"], "Usage: "],
      [["t", "m", "--qso", "1"], "Unknown option '--qso'"],
      [["t", "m", "--qos", "-1"], "--qos must be 0, 1 or 2"],
      [["t", "--file", "no-such-file"], '--file "no-such-file" cannot be read: '],
    ] as const
  ) {
    const { platform, requests, notices } = clientMachine(words, []);
    assertEquals(await publish(platform), 2);
    assert(notices[0]?.startsWith(notice), notices[0]);
    assertEquals(requests.length, 0);
  }
});

Deno.test("the client commands use version 2 unless an option says otherwise", async () => {
  for (
    const [words, answers, versions] of [
      [[], [answer(200, "pong")], [2]],
      [["--protocol", "2"], [answer(200, "pong")], [2]],
      [["--protocol", "1"], [answer(200, "pong")], [1]],
      [["--protocol", "auto"], [refuse(401), answer(200, "pong")], [2, 1]],
      [["--protocol", "auto"], [stale(1), answer(200, "pong")], [2, 2]],
    ] as const
  ) {
    const { platform, requests } = clientMachine(["ping", ...words], answers);
    assertEquals(await call(platform), 0);
    assertEquals(requests.map(({ exchange }) => exchange.version), [...versions]);
  }
});

Deno.test("the client commands take GATEWAY_KEY with spaces around it, and treat spaces alone as none", async () => {
  const { platform, requests } = clientMachine(["ping"], [answer(200, "pong")]);
  assertEquals(await call({ ...platform, env: withKey(platform.env, ` ${platform.env("GATEWAY_KEY")}\r\n`) }), 0);
  assertEquals(requests.length, 1);
  const { platform: other, notices } = clientMachine(["ping"], []);
  assertEquals(await call({ ...other, env: withKey(other.env, " ") }), 2);
  assert(notices[0]?.startsWith("No key: "), notices[0]);
});

function withKey(env: (name: string) => string | undefined, key: string) {
  return (name: string) => name === "GATEWAY_KEY" ? key : env(name);
}

Deno.test("the client commands refuse an unknown version", async () => {
  for (const [command, words] of [[call, ["ping"]], [publish, ["t", "m"]], [subscribe, ["t"]]] as const) {
    const { platform, requests, notices } = clientMachine([...words, "--protocol", "3"], []);
    assertEquals(await command(platform), 2);
    assertEquals([notices, requests.length], [["--protocol must be 1, 2 or auto"], 0]);
  }
});

Deno.test("the client commands print failures with their status", async () => {
  const words = [
    [unreachable, "No gateway answers at http://gateway: Connection refused"],
    [refuse(429), "429 Refused with 429"],
    [refuse(429, { "Retry-After": "12" }), "429 Refused with 429: wait 12 s"],
    [failure(403, "This key may not publish to t"), "403 This key may not publish to t"],
    [failure(500, "MQTT error: Broker b:1883 refused the connection"), "500 MQTT error: Broker b:1883 refused"],
    [refuse(401), "The gateway could not decrypt the request: it has another key"],
    [() => new Response("<html>"), "Answer is not sealed with this key"],
    [answer(404, "<h1>Not Found</h1>"), "404 <h1>Not Found</h1>"],
  ] as const;
  for (const [answer, start] of words) {
    const { platform, notices } = clientMachine(["t", "m"], [answer]);
    assertEquals(await publish(platform), 1);
    assertEquals([platform.lines, notices.length], [[], 1]);
    assert(notices[0]?.startsWith(start), notices[0]);
  }
  const { platform, notices } = clientMachine(["t"], [stream([final("error", "This key may not subscribe to t")])]);
  assertEquals(await subscribe(platform), 1);
  assertEquals(notices, ["This key may not subscribe to t"]);
});

Deno.test("health prints the gateway's answer, and needs no key", async () => {
  const urls: string[] = [];
  const platform = fakePlatform({
    args: ["--url", "http://home"],
    files: { ...Deno, readTextFile: () => Promise.reject(new Deno.errors.NotFound()) },
    fetch: (input) => {
      urls.push(String(input));
      return Promise.resolve(Response.json({ status: "ok", version: "1.0.0" }));
    },
  });
  assertEquals(await health(platform), 0);
  assertEquals([platform.lines, urls], [['{"status":"ok","version":"1.0.0"}'], ["http://home/health"]]);
});

for (const [name, command, words] of [["call", call, ["ping"]], ["publish", publish, ["t", "m"]]] as const) {
  Deno.test(`${name} exits with 78 when a setting or the key file is invalid, and with 2 when --url is`, async () => {
    const files = (texts: Record<string, string>) => ({
      ...Deno,
      readTextFile: (path: string | URL) =>
        Object.hasOwn(texts, String(path))
          ? Promise.resolve(texts[String(path)] ?? "")
          : Promise.reject(new Deno.errors.NotFound()),
    });
    const isADirectory = { ...Deno, readTextFile: () => Promise.reject(new Deno.errors.IsADirectory()) };
    for (
      const [overrides, code, message] of [
        [{ env: (name: string) => name === "PORT" ? "abc" : undefined }, 78, "PORT must be"],
        [{ env: () => undefined, files: files({ ".env": "PORT=1\nPORT=2" }) }, 78, "PORT must be set once"],
        [{ files: isADirectory }, 78, ".env cannot be read (IsADirectory)"],
        [{ args: [...words, "--key-file", "k"], files: files({ k: "no key" }) }, 78, "must hold 64 hexadecimal"],
        [{ args: [...words, "--key-file", "k"] }, 2, 'No key: "k" does not exist'],
        [{ args: [...words, "--url", "gateway"] }, 2, "URL must be http:// or https://"],
        [{ args: [...words, "--url", "http://user:s3cret@gateway"] }, 2, "change --url"],
        [{ args: [...words, "--url", "http://gateway/?token=s3cret"] }, 2, "change --url"],
      ] as const
    ) {
      const { platform, requests, notices } = clientMachine(words, []);
      assertEquals(await command({ ...platform, ...overrides }), code, message);
      assertEquals(requests.length, 0);
      assert(notices.join("\n").includes(message), notices.join("\n"));
      assert(!notices.join().includes("s3cret"), notices.join());
    }
  });
}
