/** Gateway of the benchmarks: its flags, and its end. */
import { assertEquals } from "@std/assert";
import { startBenchGateway } from "../../tools/bench/bench_gateway.ts";
import { readStartTask } from "../../tools/support/start_task.ts";
import { inTempDir } from "../support/temp_dir.ts";

Deno.test("startBenchGateway() stops a gateway that still starts when its scope ends", async () => {
  const scope = new AsyncDisposableStack();
  const begun = Promise.withResolvers<void>();
  const env = {
    get LOG_LEVEL() {
      // Read as the process is started.
      queueMicrotask(begun.resolve);
      return "info";
    },
  };
  const starting = startBenchGateway(scope, { env });
  await begun.promise;
  await scope.disposeAsync();
  const gateway = await starting;
  await gateway.output.ended;
});

Deno.test("readStartTask() returns what deno task start of a checkout passes to V8 and the allocator", () =>
  inTempDir(async (directory) => {
    const command =
      "A_PROXY='*' MALLOC_X_=2 MALLOC_Y=3 deno run --v8-flags=--old=1,--young=2 $(deno run x) main.ts serve";
    await Deno.writeTextFile(`${directory}/deno.json`, JSON.stringify({ tasks: { start: { command } } }));
    assertEquals(await readStartTask(directory), {
      env: { MALLOC_X_: "2", MALLOC_Y: "3" },
      flags: ["--v8-flags=--old=1,--young=2"],
    });
  }));
