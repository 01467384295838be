/** Output of benchmarks: the report on standard output, and only progress on standard error. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { linesOf } from "../../tools/support/helper_process.ts";
import { MOSQUITTO } from "../support/broker.ts";
import { needing } from "../support/needs.ts";
import { PING } from "../../src/services/jeedom/health.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Starts a module of a benchmark. */
function start(file: string, args: readonly string[] = []): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", file, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

Deno.test("the Jeedom of bench:load answers the gateway's own health check, and prints nothing", async () => {
  const child = start("tools/bench/load/jeedom.ts");
  const commands = child.stdin.getWriter();
  await commands.write(new TextEncoder().encode('{"command":"url","argument":{}}\n'));
  const answers = linesOf(child.stdout).getReader();
  const { value: url } = JSON.parse((await answers.read()).value ?? "");
  const response = await fetch(url, { method: "POST", body: PING });
  assertEquals([response.status, (await response.json()).result], [200, "pong"]);
  const call = { jsonrpc: "2.0", id: 1, method: "cmd::byId", params: { apikey: "bench", marker: 7 } };
  const called = await fetch(url, { method: "POST", body: JSON.stringify(call) });
  assertEquals((await called.json()).result.marker, 7);
  await commands.close();
  assertEquals(await new Response(child.stderr).text(), "");
  await answers.cancel();
  await child.status;
});

Deno.test("bench:cold-start prints its report on standard output, and its progress on standard error", async () => {
  const child = start("tools/bench/cold_start/cold_start.ts", ["1", "--idle", "0"]);
  await child.stdin.close();
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals(code, 0, text(stderr));
  assert(text(stdout).startsWith("| "), text(stdout));
  assertMatch(text(stderr), /^(\d\d:\d\d:\d\d \[\d\/\d\] (First|Later) start\b.*\n)+$/);
});

const SUSTAINED = needing("bench:sustained exits 0 exactly if its last window is nearly as fast as the first", {
  mosquitto: MOSQUITTO,
});

Deno.test(SUSTAINED, async () => {
  const child = start("tools/bench/sustained/sustained.ts", ["0.03"]);
  await child.stdin.close();
  const { code, stdout, stderr } = await child.output();
  const report = new TextDecoder().decode(stdout);
  assertMatch(report, /^\| Seconds +\| Requests\/s /, new TextDecoder().decode(stderr));
  assertEquals(report.match(/^\| \d+–\d+ +\| \d+ /gm)?.length, 3, report);
  const verdict = /^Last to first: \d+\.\d\d, (flat|less than 0\.9)$/m.exec(report)?.[1];
  assertEquals(code, verdict === "flat" ? 0 : 1, report);
});
