/** The unit, its installer, and the gateway as systemd starts it. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parse as parseYaml } from "@std/yaml/parse";
import { parseConfig } from "../../src/config/parse.ts";
import { within } from "../support/deadline.ts";
import { Machine, TOOLS } from "../support/systemd_machine.ts";
import { runMain } from "../support/gateway_process.ts";
import { openNotifySocket } from "../support/notify_socket.ts";
import { inTempDir } from "../support/temp_dir.ts";
import { IS_LINUX, needing } from "../support/needs.ts";
import { ProcessOutput } from "../support/process_output.ts";
import { hasProgram } from "../support/programs.ts";
import project from "../../deno.json" with { type: "json" };

const at = (path: string) => new URL(`../../${path}`, import.meta.url).pathname;

const SETTINGS = "/etc/e2e-gateway/e2e-gateway.env";
const KEY = "/var/lib/e2e-gateway/data/secret_key.txt";
const UNIT = "/usr/local/lib/systemd/system/e2e-gateway.service";

/** The tools are assumed in CI, where their absence must fail. */
const ci = Deno.env.get("CI") !== undefined;
const NEEDS = { Linux: IS_LINUX, "shell tools": ci || (await Promise.all(TOOLS.map(hasProgram))).every(Boolean) };
const hasAnalyze = await hasProgram("systemd-analyze");

function installTest(name: string, test: (machine: Machine) => Promise<void>): void {
  Deno.test(needing(name, NEEDS), async () => {
    await using machine = await Machine.make();
    await test(machine);
  });
}

const mode = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;

/** Returns all values of a setting of the unit. */
async function unitValues(name: string): Promise<string[]> {
  const text = await Deno.readTextFile(at("systemd/e2e-gateway.service"));
  return [...text.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value = ""]) => value);
}

installTest("install.sh creates user, settings, key, program and unit, and starts the service", async (machine) => {
  const { code, stdout, stderr, calls } = await machine.install();
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertEquals(calls, [
    "useradd --system --user-group --no-create-home --home-dir /var/lib/e2e-gateway --shell /usr/sbin/nologin e2e-gateway",
    "chown e2e-gateway:e2e-gateway " +
    ["/data/secret_key.txt", "/data", ""].map((path) => `/var/lib/e2e-gateway.new${path}`).join(" "),
    "systemctl daemon-reload",
    "systemctl enable --quiet e2e-gateway.service",
    "systemctl restart e2e-gateway.service",
  ]);
  const files = await machine.files("");
  assertEquals(files.get(SETTINGS), await Deno.readTextFile(at(".env.example")));
  assertEquals(files.get(UNIT), await Deno.readTextFile(at("systemd/e2e-gateway.service")));
  assertEquals(files.get("/usr/local/bin/e2e-gateway"), "/opt/e2e-gateway/command");
  for (
    const path of ["run", "command", "bin/deno", "app/main.ts", "app/deno.lock", "app/src/version.ts", "cache/filled"]
  ) {
    assert(files.has(`/opt/e2e-gateway/${path}`), path);
  }
  assertEquals(files.get("/opt/e2e-gateway/cache/ran"), "help\n");
  const key = files.get(KEY) ?? "";
  assertMatch(key, /^[0-9a-f]{64}$/);
  assert(!(stdout + stderr).includes(key), "The key was printed");
  assertEquals([await mode(machine.path(SETTINGS)), await mode(machine.path(KEY))], [0o600, 0o600]);
  assertEquals(await mode(machine.path("/var/lib/e2e-gateway")), 0o700);
  assertEquals(await mode(machine.path("/opt/e2e-gateway/app/main.ts")), 0o644);
});

installTest(
  "install.sh changes no setting and no key in a second run, and restarts the service",
  async (machine) => {
    await machine.install();
    const own = { [SETTINGS]: "PORT=9000\n", [KEY]: "ab".repeat(32), "/var/lib/e2e-gateway/data/keys.json": "mine" };
    for (const [path, text] of Object.entries(own)) await Deno.writeTextFile(machine.path(path), text);
    await Deno.remove(machine.path("/opt/e2e-gateway/app/main.ts"));
    await Deno.writeTextFile(machine.path("/opt/e2e-gateway/app/old.ts"), "");
    const { code, calls } = await machine.install();
    assertEquals(code, 0);
    assertEquals(calls, [
      "systemctl daemon-reload",
      "systemctl enable --quiet e2e-gateway.service",
      "systemctl restart e2e-gateway.service",
    ]);
    const files = await machine.files("");
    for (const [path, text] of Object.entries(own)) assertEquals(files.get(path), text);
    assert(files.has("/opt/e2e-gateway/app/main.ts"));
    assert(!files.has("/opt/e2e-gateway/app/old.ts"), "What the new code no longer has is still there");
  },
);

installTest("install.sh creates no key if one exists or is configured elsewhere", async (machine) => {
  await machine.install();
  await Deno.rename(machine.path(KEY), machine.path("/var/lib/e2e-gateway/data/keys.json"));
  await machine.install();
  assert(!(await machine.files("")).has(KEY));
  await Deno.remove(machine.path("/var/lib/e2e-gateway/data/keys.json"));
  await Deno.writeTextFile(machine.path(SETTINGS), "SECRET_KEY_FILE=/srv/keys/key.txt\n");
  await machine.install();
  assert(!(await machine.files("")).has(KEY));
});

installTest("install.sh follows no link of the service user", async (machine) => {
  await machine.install();
  const data = machine.path("/var/lib/e2e-gateway/data");
  await Deno.rename(data, `${data}.old`);
  await Deno.symlink(machine.path("/etc"), data);
  const { code, calls } = await machine.install();
  assertEquals([code, calls.filter((line) => line.startsWith("chown"))], [0, []]);
  assert(!(await machine.files("/etc")).has("/etc/secret_key.txt"));
});

installTest("install.sh installs a binary in place of Deno and the code, and back", async (machine) => {
  const binary = machine.path("/binary");
  await Deno.writeTextFile(binary, "#!/bin/sh\nexit 0\n");
  await Deno.chmod(binary, 0o755);
  await machine.install();
  const { code } = await machine.install(["--binary", "binary"], { deno: undefined });
  assertEquals(code, 0);
  const withBinary = [...(await machine.files("/opt/e2e-gateway")).keys()].sort();
  assertEquals(withBinary, ["bin/e2e-gateway", "command", "run"].map((path) => `/opt/e2e-gateway/${path}`));
  await machine.install();
  const withDeno = await machine.files("/opt/e2e-gateway");
  assert(withDeno.has("/opt/e2e-gateway/bin/deno") && !withDeno.has("/opt/e2e-gateway/bin/e2e-gateway"));
});

installTest("install.sh refuses a binary for another machine", async (machine) => {
  const binary = machine.path("/binary");
  await Deno.writeTextFile(binary, "\x7fELF of another kind");
  await Deno.chmod(binary, 0o755);
  const { code, stderr, calls } = await machine.install(["--binary", binary]);
  assertEquals([code, calls], [1, []]);
  assertStringIncludes(stderr, "does not run here");
});

installTest("install.sh --dry-run prints its steps and does nothing, also without root", async (machine) => {
  const before = await machine.files("");
  const { code, stdout, calls } = await machine.install(["--dry-run"], { user: 1000 });
  assertEquals([code, calls], [0, []]);
  assertStringIncludes(stdout, SETTINGS);
  assertEquals(await machine.files(""), before);
});

installTest("install.sh keeps the running code if the packages of the new one cannot be installed", async (machine) => {
  await machine.install();
  const before = await machine.files("/opt/e2e-gateway/app");
  const { code, stderr, calls } = await machine.install([], { cacheCode: 1 });
  assertEquals([code, calls], [1, []]);
  assertStringIncludes(stderr, "could not be downloaded");
  assertEquals(await machine.files("/opt/e2e-gateway/app"), before);
});

installTest("install.sh starts the service also if Deno's analysis of the modules cannot be left", async (machine) => {
  const { code, calls } = await machine.install([], { runCode: 1 });
  assertEquals([code, calls.at(-1)], [0, "systemctl restart e2e-gateway.service"]);
});

installTest("install.sh shows the journal when the gateway does not start", async (machine) => {
  const { code, stderr } = await machine.install([], { restartCode: 1 });
  assertEquals(code, 1);
  assertStringIncludes(stderr, "What the journal holds");
  assertStringIncludes(stderr, "check-config");
});

installTest("install.sh refuses to start without root, systemd, or a recent Deno", async (machine) => {
  const cases = [
    [{ user: 1000 }, "Only root"],
    [{ deno: undefined }, "Deno is not installed"],
    [{ deno: "2.8.3" }, "too old"],
    [{ deno: "1.46.0" }, "too old"],
    [{ booted: false }, "does not run systemd"],
  ] as const;
  for (const [options, text] of cases) {
    const { code, stderr, calls } = await machine.install([], options);
    assertEquals([code, calls], [1, []], text);
    assertStringIncludes(stderr, text);
  }
  assertEquals((await machine.files("")).size, 0);
});

installTest("install.sh --uninstall keeps settings and data, and --purge removes them", async (machine) => {
  await machine.install();
  const kept = await machine.install(["--uninstall"]);
  assertEquals(kept.calls, ["systemctl disable --now --quiet e2e-gateway.service", "systemctl daemon-reload"]);
  assertEquals([...(await machine.files("")).keys()].sort(), [SETTINGS, KEY]);
  const purged = await machine.install(["--uninstall", "--purge"]);
  assertEquals([kept.code, purged.code], [0, 0]);
  assertEquals(purged.calls.at(-1), "userdel e2e-gateway");
  assertEquals((await machine.files("")).size, 0);
  const again = await machine.install(["--uninstall", "--purge"]);
  assertEquals(again.code, 0);
});

installTest("install.sh rejects unknown options, and --purge alone", async (machine) => {
  assertEquals((await machine.install(["--prefix"])).code, 2);
  assertEquals((await machine.install(["--purge"])).code, 1);
  assertEquals((await machine.files("")).size, 0);
});

Deno.test(
  needing("systemd-analyze finds no errors in the unit, and a low exposure", { "systemd-analyze": hasAnalyze }),
  async () => {
    await inTempDir(async (directory) => {
      const unit = `${directory}/e2e-gateway.service`;
      const text = await Deno.readTextFile(at("systemd/e2e-gateway.service"));
      // The program must exist for this.
      await Deno.writeTextFile(unit, text.replace("/opt/e2e-gateway/run", at("systemd/run.sh")));
      const analyze = async (...args: string[]) => {
        const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", { args }).output();
        return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
      };
      assertEquals(await analyze("verify", "--man=no", unit), { code: 0, output: "" });
      // On a scale of 100.
      const { code, output } = await analyze("security", "--offline=true", "--threshold=20", "--no-pager", unit);
      assertEquals(code, 0, output);
    });
  },
);

Deno.test("the unit gives the gateway time to stop, and does not restart it with invalid settings", async () => {
  const { shutdown } = parseConfig({});
  const [stop = ""] = await unitValues("TimeoutStopSec");
  assert(Number(stop) * 1000 > shutdown.timeoutMs + 2000);
  assertEquals(await unitValues("RestartPreventExitStatus"), ["78"]);
});

/** Measured memory of a connection with an incomplete head of 63 KB, the largest that Deno accepts. */
const HEAD_BYTES = 82_000;

/** Most of a file of the page that a connection holds whose client reads nothing: tests/console/build_test.ts. */
const FILE_BYTES = 64 * 1024;

/** Memory of a busy gateway without them. */
const BUSY_BYTES = 150 * 2 ** 20;

Deno.test("the descriptor limits of the unit and docker-compose.yml fit their memory limits", async () => {
  const [descriptors = "", ...none] = await unitValues("LimitNOFILE");
  const [high = ""] = await unitValues("MemoryHigh");
  const [most = ""] = await unitValues("MemoryMax");
  assertEquals(none, []);
  const inBytes = (text: string) => Number(/^(\d+)[Mm]$/.exec(text)?.[1]) * 2 ** 20;
  const held = Number(descriptors) * (HEAD_BYTES + FILE_BYTES);
  assert(held + BUSY_BYTES < inBytes(high), "Unfinished heads and unread files pass MemoryHigh");
  const { streams, requests, mqtt } = parseConfig({});
  // Each request may have its own connection to Jeedom.
  assert(
    streams.max + 2 * requests.max + mqtt.maxConnections < Number(descriptors),
    "Too few for the maximum of concurrent requests",
  );
  const { services: { gateway } } = parseYaml(await Deno.readTextFile(at("docker-compose.yml")));
  assertEquals(gateway.ulimits.nofile, Number(descriptors));
  assertEquals([inBytes(gateway.mem_limit), inBytes(gateway.memswap_limit)], [inBytes(most), inBytes(most)]);
});

Deno.test("the unit, its commands and docker-compose.yml use the text log format by default", async () => {
  assertEquals(await unitValues("Environment"), ["LOG_FORMAT=text"]);
  // systemd reads the file after Environment=, independent of their order.
  assertEquals(await unitValues("EnvironmentFile"), ["-/etc/e2e-gateway/e2e-gateway.env"]);
  assertStringIncludes(await Deno.readTextFile(at("systemd/command.sh")), "--property=Environment=LOG_FORMAT=text");
  const { services: { gateway } } = parseYaml(await Deno.readTextFile(at("docker-compose.yml")));
  assertEquals(gateway.environment.LOG_FORMAT, "${LOG_FORMAT:-text}");
});

Deno.test("the unit waits for a synchronized clock", async () => {
  for (const name of ["After", "Wants"]) {
    assert((await unitValues(name)).some((value) => value.split(" ").includes("time-sync.target")), name);
  }
});

Deno.test("run.sh runs each command with the flags of its task", async () => {
  const run = await Deno.readTextFile(at("systemd/run.sh"));
  for (
    const name of ["check-config", "keys", "doctor", "call", "publish", "subscribe", "health", "conformance"] as const
  ) {
    const { command } = project.tasks[name];
    const flags = (command.match(/--allow-\S+/g) ?? []).join(" ");
    const own = new RegExp(`^ +[a-z |-]*\\b${name}\\b[a-z |-]*\\) flags="(.*)"`, "m").exec(run);
    const any = /^ +\*\) flags="(.*)"/m.exec(run);
    assertEquals((own ?? any)?.[1], flags, name);
  }
});

Deno.test("the unit, the dev task and the binary limit memory as deno task start does", async () => {
  const run = await Deno.readTextFile(at("systemd/run.sh"));
  const { start, dev, compile } = project.tasks;
  const [v8 = ""] = start.command.match(/--v8-flags=\S+/) ?? [];
  const allocator = (start.command.match(/MALLOC_\w+=\d+/g) ?? []).join(" ");
  assert(v8 !== "" && allocator !== "");
  for (const text of [run, dev.command, compile.command]) assert(text.includes(v8), text);
  for (const text of [run, dev.command]) assert(text.includes(allocator), text);
});

Deno.test(
  needing("the program of ExecStart notifies systemd of readiness, watchdog and stop", { Linux: IS_LINUX }),
  async () => {
    await inTempDir(async (directory) => {
      const [execStart = ""] = await unitValues("ExecStart");
      const program = await installed(directory);
      await using socket = openNotifySocket(`${directory}/notify`);
      await Deno.mkdir(`${directory}/runtime`);
      // As a killed gateway leaves it.
      await Deno.writeTextFile(`${directory}/runtime/notify.sock`, "");
      const child = start(execStart.replace("/opt/e2e-gateway", program), {
        NOTIFY_SOCKET: `${directory}/notify`,
        RUNTIME_DIRECTORY: `${directory}/runtime`,
        WATCHDOG_USEC: "200000",
      }, directory);
      const output = new ProcessOutput(child);
      try {
        await socket.untilReceived("READY=1");
        await socket.untilReceived("WATCHDOG=1");
        // The same process as "run": NotifyAccess=main ignores others.
        assertMatch(await Deno.readTextFile(`/proc/${child.pid}/cmdline`), /deno\0run\0.*\0serve\0$/s);
        child.kill("SIGTERM");
        await socket.untilReceived("STOPPING=1");
        assertEquals((await within("it ends", child.status)).code, 0, output.text);
        assert(!output.text.includes("Service manager"), output.text);
        assertMatch(socket.messages[0] ?? "", /^READY=1\nSTATUS=\S/);
      } finally {
        await ended(child, output);
      }
    });
  },
);

Deno.test(
  needing("the program of ExecStart serves without a reachable service manager", { Linux: IS_LINUX }),
  async () => {
    await inTempDir(async (directory) => {
      const program = await installed(directory);
      const missing = { NOTIFY_SOCKET: `${directory}/missing`, RUNTIME_DIRECTORY: directory };
      for (const env of [missing, { NOTIFY_SOCKET: "@abstract", RUNTIME_DIRECTORY: directory }]) {
        const child = start(`${program}/run serve`, env, directory);
        const output = new ProcessOutput(child);
        try {
          await output.line((line) => line.includes("systemd could not be notified"));
          child.kill("SIGTERM");
          assertEquals((await within("it ends", child.status)).code, 0, output.text);
        } finally {
          await ended(child, output);
        }
      }
    });
  },
);

Deno.test("main.ts help leaves Deno's analysis of the modules readable without permission to write", async () => {
  await inTempDir(async (directory) => {
    await Deno.symlink(`${await findDenoDir()}/npm`, `${directory}/npm`);
    const { code, text } = await runMain(["help"], {
      directory,
      env: { DENO_DIR: directory },
      flags: ["--cached-only", "--frozen", "--no-code-cache"],
    });
    assertEquals(code, 0, text);
    const names = await Array.fromAsync(Deno.readDir(directory), ({ name }) => name.replace(/_v\d+/, ""));
    for (const cache of ["dep_analysis_cache", "node_analysis_cache"]) {
      for (const file of [cache, `${cache}-wal`, `${cache}-shm`]) assert(names.includes(file), `${file}: ${names}`);
    }
  });
});

/** Installs the program as install.sh does, with the Deno of this machine and its cache. */
async function installed(directory: string): Promise<string> {
  const program = `${directory}/program`;
  await Deno.mkdir(`${program}/bin`, { recursive: true });
  await Deno.mkdir(`${program}/app`);
  await Deno.copyFile(at("systemd/run.sh"), `${program}/run`);
  await Deno.symlink(Deno.execPath(), `${program}/bin/deno`);
  await Deno.mkdir(`${program}/app/src/console`, { recursive: true });
  for (const name of ["deno.json", "deno.lock", "src/console/deno.json"]) {
    await Deno.symlink(at(name), `${program}/app/${name}`);
  }
  await Deno.writeTextFile(`${program}/app/main.ts`, `import "file://${at("main.ts")}";`);
  await Deno.symlink(await findDenoDir(), `${program}/cache`);
  return program;
}

/** Returns the folder in which the Deno of this machine keeps packages. */
async function findDenoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", "--no-config"] }).output();
  const { denoDir }: { denoDir: string } = JSON.parse(new TextDecoder().decode(stdout));
  return denoDir;
}

function start(command: string, env: Readonly<Record<string, string>>, cwd: string): Deno.ChildProcess {
  const [program = "", ...args] = command.split(" ");
  const PATH = Deno.env.get("PATH") ?? "";
  return new Deno.Command(program, {
    args,
    cwd,
    clearEnv: true,
    env: { PATH, HOST: "127.0.0.1", PORT: "0", METRICS_PORT: "0", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function ended(child: Deno.ChildProcess, output: ProcessOutput): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has already ended.
  }
  await child.status;
  await output.ended;
}
