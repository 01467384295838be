/** The Python client: what every client must do, and its command line. */
import { assertEquals, assertMatch } from "@std/assert";
import { inWorld, testClient } from "../clients/client_suite.ts";
import { within } from "../deadline.ts";
import { ProcessOutput } from "./process_output.ts";

const CLIENT = new URL("../../clients/python/", import.meta.url).pathname;
const DRIVER = new URL("../clients/python/driver.py", import.meta.url).pathname;

/** The system's Python first: another one on the path often has no packages. */
const python = ["/usr/bin/python3", "python3"].find(hasCryptography);
const ignore = python === undefined && Deno.env.get("CI") !== "true";
const env = { PYTHONPATH: CLIENT, PYTHONDONTWRITEBYTECODE: "1", PYTHONIOENCODING: "utf-8" };

function hasCryptography(path: string): boolean {
  try {
    return new Deno.Command(path, { args: ["-c", "import cryptography"], stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

testClient({
  language: "Python",
  ignore,
  command: () => ({ path: python ?? "python3", args: [DRIVER], env }),
  refusal: "GatewayError",
  badArgument: "ValueError",
  brokenStream: "ConnectionError",
});

function commandLine(args: readonly string[], more: Readonly<Record<string, string>> = {}): Deno.Command {
  return new Deno.Command(python ?? "python3", {
    args: [`${CLIENT}e2e_gateway.py`, ...args],
    env: { ...env, ...more },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

async function run(args: readonly string[], more?: Readonly<Record<string, string>>) {
  const { code, stdout, stderr } = await commandLine(args, more).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test({
  name: "Python command line calls, publishes, subscribes and tells the gateway's health",
  ignore,
  fn: () =>
    inWorld(async ({ gateway }) => {
      const keyFile = ["--url", gateway.url, "--key-file", `${gateway.directory}/data/secret_key.txt`];
      const inEnvironment = { GATEWAY_URL: gateway.url, GATEWAY_KEY: gateway.key };

      const health = await run(["--url", gateway.url, "health"]);
      assertEquals([health.code, health.stdout.split(" ")[0]], [0, "ok"]);

      const call = await run([...keyFile, "call", "cmd::byId", '{"id": 3}']);
      assertEquals([call.code, JSON.parse(call.stdout).result.name], [0, "Light"]);

      const publish = await run(["publish", "home/mode", "night", "--qos", "1", "--retain"], inEnvironment);
      assertEquals([publish.code, JSON.parse(publish.stdout).success], [0, true]);

      const child = commandLine(["subscribe", "home/#"], inEnvironment).spawn();
      const output = new ProcessOutput(child);
      try {
        await output.line((line) => line === "home/mode night");
      } finally {
        child.kill("SIGINT");
        const { code } = await within("the end after Ctrl-C", child.status);
        await output.ended;
        assertEquals(code, 0, output.text);
      }
    }),
});

Deno.test({
  name: "Python command line fails with a reason, and never with a stack trace",
  ignore,
  fn: () =>
    inWorld(async ({ gateway: { url, key } }) => {
      const reasons: readonly (readonly [readonly string[], Readonly<Record<string, string>>, RegExp])[] = [
        [["call", "datetime"], {}, /^No key: give --key-file, or set GATEWAY_KEY$/],
        [["call", "datetime"], { GATEWAY_KEY: "abc" }, /^Key must be 64 hexadecimal characters$/],
        [["call", "datetime"], { GATEWAY_KEY: "0".repeat(64) }, /^Decryption failed \(status 401\)$/],
        [["call", "datetime", "{"], { GATEWAY_KEY: key }, /^Parameters are not JSON: .*$/],
        [["call", "no::such method"], { GATEWAY_KEY: key }, /^403 .*jsonrpc.*$/],
        [["--url", "home", "call", "datetime"], { GATEWAY_KEY: key }, /^Address must begin with http:.*$/],
        [["--url", "http://127.0.0.1:1", "health"], {}, /^No gateway answers at http:\/\/127\.0\.0\.1:1: .*refused$/],
        [["--key-file", "/none", "call", "datetime"], {}, /No such file or directory/],
      ];
      for (const [args, more, reason] of reasons) {
        const { code, stdout, stderr } = await run(args, { GATEWAY_URL: url, ...more });
        assertMatch(stderr, reason);
        assertEquals([code, stdout], [1, ""]);
      }
    }),
});
