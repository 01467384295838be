/** Interruption of a tool by a signal. */
import { assertEquals } from "@std/assert";

const MODULE = new URL("../../tools/support/run_tool.ts", import.meta.url).href;

/** Interrupts itself, and again while it stops what it started, as `deno task` forwards the signal. */
const PROGRAM = `
import { runTool } from "${MODULE}";
const interrupt = () => new Promise((resolve) => {
  Deno.addSignalListener("SIGINT", resolve);
  Deno.kill(Deno.pid, "SIGINT");
});
await runTool(async (started) => {
  const { promise, reject } = Promise.withResolvers();
  started.defer(async () => {
    reject(new Error("Helper ended"));
    await interrupt();
    await new Promise((resolve) => setTimeout(resolve, 20));
    console.log("stopped");
  });
  await interrupt();
  return await promise;
});`;

Deno.test("runTool() stops everything without an error when a signal arrives twice", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", PROGRAM],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals({ code, stdout: text(stdout), stderr: text(stderr) }, { code: 130, stdout: "stopped\n", stderr: "" });
});
