/** The services file of a gateway process in its sandbox. The echo service of the tests is in no real process. */
import { assert, assertEquals } from "@std/assert";
import { until } from "../support/deadline.ts";
import { metricOf, spawnMain, startGatewayProcess } from "../support/gateway_process.ts";
import { inTempDir } from "../support/temp_dir.ts";

const SECRET = "correct horse battery staple";

async function modeOf(path: string): Promise<number> {
  return ((await Deno.stat(path)).mode ?? 0) & 0o777;
}

Deno.test("a running gateway loads its services file when it changes, and keeps the last valid one", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/services.yaml`;
    await Deno.writeTextFile(path, "# no section yet\n", { mode: 0o644 });
    const gateway = await startGatewayProcess({}, { directory });
    try {
      await gateway.output.line((text) => text.includes("could be read by others: its mode is 0600 now"));
      assertEquals(await modeOf(path), 0o600);

      await Deno.writeTextFile(path, `unheard_of: { password: ${SECRET} }\n`);
      const fault = await gateway.output.line((text) => text.includes("Services file not loaded"));
      assert(fault.includes("services.yaml: no such section"), fault);
      assert(fault.includes("unheard_of"), fault);
      assertEquals(await metricOf(gateway, "e2e_gateway_services_file_ok"), 0);

      await Deno.writeTextFile(path, "{}\n");
      await gateway.output.line((text) => text.includes("Services file {file} loaded"));
      Deno.kill(gateway.pid, "SIGHUP");
      const loads = () => gateway.output.lines.filter((text) => text.includes("Services file {file} loaded")).length;
      await until("SIGHUP loads the file", () => loads() >= 2);

      await Deno.remove(path);
      await gateway.output.line((text) => text.includes("is gone: there are no sections now"));
      assertEquals((await gateway.client.publish("t", "m")).status, 200);
      assert(!gateway.output.text.includes(SECRET));
    } finally {
      assertEquals(await gateway.stop(), 0);
    }
  }));

Deno.test("a running gateway loads a services file that is created after its start, in its sandbox", () =>
  inTempDir(async (directory) => {
    const gateway = await startGatewayProcess({}, { directory });
    try {
      await Deno.writeTextFile(`${directory}/services.yaml`, "{}\n", { mode: 0o600 });
      await gateway.output.line((text) => text.includes("Services file {file} loaded"));
    } finally {
      assertEquals(await gateway.stop(), 0);
    }
  }));

/** Runs `serve` with the flags that `permissions` prints, as the task does. Returns its exit code and its errors. */
async function startIn(directory: string, env: Readonly<Record<string, string>>) {
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  const permissions = await spawnMain(["permissions"], { directory, env, flags: ["--allow-read", "--allow-env"] })
    .output();
  const flags = decode(permissions.stdout).split(" ");
  const { code, stderr } = await spawnMain(["serve"], { directory, env, flags }).output();
  return { code, flags, stderr: decode(stderr) };
}

Deno.test("a services file with faults stops the start, in the sandbox that the same file got", () =>
  inTempDir(async (directory) => {
    const text = "unheard_of: { a: '${GIVEN}', b: '${MISSING}' }\nother:\n";
    await Deno.writeTextFile(`${directory}/services.yaml`, text, { mode: 0o600 });
    const { code, flags, stderr } = await startIn(directory, { GIVEN: SECRET });
    assertEquals(code, 78);
    assert(flags.some((flag) => flag.endsWith(",GIVEN,MISSING")), flags.join(" "));
    assertEquals(
      stderr.split("\n").slice(1).map((line) => line.trim()).filter((line) => line.startsWith("services.yaml")).length,
      2,
    );
    assert(stderr.includes("services.yaml: unheard_of.b names the variable MISSING, which is not set"), stderr);
    assert(!stderr.includes("GIVEN") && !stderr.includes(SECRET), stderr);
  }));
