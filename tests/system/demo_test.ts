/** What the README's first screen promises. */
import { assert, assertEquals } from "@std/assert";
import { within } from "../deadline.ts";
import { freePort } from "../loopback.ts";
import { spawnMain } from "./gateway_process.ts";
import { ProcessOutput } from "./process_output.ts";

Deno.test("the demo shows a call, a subscription and a message, serves the commands, and Ctrl-C ends it with 0", async () => {
  const directory = await Deno.makeTempDir({ prefix: "gateway-" });
  const env = { PORT: String(freePort()), NO_COLOR: "1" };
  const child = spawnMain(["demo"], { directory, env });
  const output = new ProcessOutput(child);
  await output.line((line) => line.includes("Ctrl-C ends it"));
  for (
    const shown of [
      'answered  200 {"jsonrpc":"2.0","id":99999,"result":{"temperature":20.5,"light":0}}',
      "connected Successfully connected and subscribed to home/#",
      'published 200 {"success":true,"topic":"home/livingroom/light/set"',
      "received  home/livingroom/light 1",
    ]
  ) assert(output.text.includes(shown), `"${shown}" is not in:\n${output.text}`);

  const run = async (...words: string[]) => {
    const { code, stdout, stderr } = await spawnMain(words, { directory, env }).output();
    return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  };
  assertEquals(await run("health"), { code: 0, text: '{"status":"ok","version":"1.0.0"}\n' });
  const call = await run("call", "cmd::byId", '{"id": 1}');
  assertEquals([call.code, call.text.includes('"name": "Temperature"')], [0, true]);
  assertEquals((await run("publish", "home/livingroom/light/set", "OFF", "--qos", "1")).code, 0);

  const subscriber = spawnMain(["subscribe", "home/#"], { directory, env });
  const messages = new ProcessOutput(subscriber);
  await messages.line((line) => line.startsWith("home/livingroom/light 0"));
  subscriber.kill("SIGINT");
  assertEquals((await within("the subscriber's exit", subscriber.status)).code, 0);
  await messages.ended;

  child.kill("SIGINT");
  assertEquals((await within("the demo's exit", child.status)).code, 0);
  await output.ended;
  await Deno.remove(directory, { recursive: true });
});

Deno.test("the client commands tell a wrong command line, a missing key and a missing gateway", async () => {
  const directory = await Deno.makeTempDir({ prefix: "gateway-" });
  const run = async (words: string[], env: Record<string, string> = {}) => {
    const { code, stderr } = await spawnMain(words, { directory, env }).output();
    return { code, text: new TextDecoder().decode(stderr) };
  };
  const key = { GATEWAY_KEY: "ab".repeat(32) };
  const nowhere = `http://127.0.0.1:${freePort()}`;
  for (
    const [words, env, code, text] of [
      [["publish", "t"], key, 2, "Usage: deno task publish"],
      [["publish", "t", "m", "--qos", "3"], key, 2, "--qos must be 0, 1 or 2"],
      [["publish", "t", "m", "--loud"], key, 2, "Unknown option"],
      [["call"], key, 2, "Usage: deno task call"],
      [["call", "ping", "[1]"], key, 2, "Parameters must be one JSON object"],
      [["subscribe"], key, 2, "Usage: deno task subscribe"],
      [["call", "ping"], {}, 2, 'No key: "data/secret_key.txt" does not exist'],
      [["call", "ping"], { GATEWAY_KEY: "short" }, 1, "Key must be 64 hexadecimal characters"],
      [["health", "--url", nowhere], {}, 1, "No gateway answers at http://127.0.0.1:"],
      [["nonsense"], {}, 2, 'Unknown command "nonsense"'],
    ] as const
  ) {
    const result = await run([...words], env);
    assertEquals([result.code, result.text.includes(text)], [code, true], result.text);
  }
  await Deno.remove(directory, { recursive: true });
});
