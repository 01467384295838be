/** The commands as processes: help, exit codes, and API keys that are never printed. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import type { JeedomMode } from "../../src/demo/simulated_jeedom.ts";
import { within } from "../support/deadline.ts";
import { freePort } from "../support/loopback.ts";
import { needing } from "../support/needs.ts";
import { inTempDir } from "../support/temp_dir.ts";
import { spawnMain } from "../support/gateway_process.ts";
import { hasProgram } from "../support/programs.ts";
import { denoDirectory } from "../support/project_copy.ts";
import { withEnvironment } from "../support/environment.ts";

const PROJECT = new URL("../../", import.meta.url).pathname;

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function ended(child: Deno.ChildProcess): Promise<Run> {
  const { code, stdout, stderr } = await within("the end of a command", child.output(), 60_000);
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

/** Invalid `.env`. */
const BROKEN = "PORT=abc\nHOST=a\nHOST=b\nMQTT_TLS=maybe\n";

/** Environment with an empty home and Deno's cache. */
async function emptyHome(directory: string): Promise<Record<string, string>> {
  const home = `${directory}/home`;
  await Deno.mkdir(home);
  return { HOME: home, DENO_DIR: await denoDirectory(), NO_COLOR: "1" };
}

const namesIn = async (path: string) => (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).toSorted();

Deno.test("every command prints its help and exits with 0 in an empty home with an invalid .env, and writes nothing there", () =>
  inTempDir(async (directory) => {
    const env = await emptyHome(directory);
    await Deno.writeTextFile(`${directory}/.env`, BROKEN);
    for (const name of Object.keys(COMMANDS)) {
      const { code, out, err } = await ended(spawnMain([name, "--help"], { directory, env }));
      assertEquals([code, err], [0, ""], name);
      assert(out.startsWith("Usage: deno "), out);
    }
    assertEquals([await namesIn(directory), await namesIn(`${directory}/home`)], [[".env", "home"], []]);
  }));

Deno.test("deno task start --help and others print the help of the command and start nothing", () =>
  inTempDir(async (directory) => {
    const env = await emptyHome(directory);
    for (const name of ["deno.json", "deno.lock"]) await Deno.copyFile(`${PROJECT}${name}`, `${directory}/${name}`);
    for (const name of ["main.ts", "src"]) await Deno.symlink(`${PROJECT}${name}`, `${directory}/${name}`);
    for (const settings of ["", BROKEN]) {
      await Deno.writeTextFile(`${directory}/.env`, settings);
      for (const task of ["start", "call", "keys"]) {
        const child = new Deno.Command(Deno.execPath(), {
          args: ["task", "--quiet", task, "--help"],
          cwd: directory,
          env,
          stdin: "null",
          stdout: "piped",
          stderr: "piped",
        }).spawn();
        const { code, out, err } = await ended(child);
        assertEquals([code, err], [0, ""], task);
        assert(out.startsWith(`Usage: deno task ${task} `), out);
      }
    }
    assertEquals(await namesIn(directory), [".env", "deno.json", "deno.lock", "home", "main.ts", "src"]);
  }));

Deno.test("the client commands exit with 0, 1, 2 or 78, and never print the API key", () =>
  withEnvironment(async ({ gateway, jeedom }) => {
    await inTempDir(async (directory) => {
      await Deno.writeTextFile(`${directory}/apikey`, `\uFEFF${jeedom.apikey}\r\n`);
      await Deno.writeTextFile(`${directory}/not_a_key`, "s3cret");
      const env = { GATEWAY_URL: gateway.url, GATEWAY_KEY: gateway.key, NO_COLOR: "1" };
      const withKey = { ...env, JEEDOM_CALL_APIKEY: jeedom.apikey };
      const nowhere = `http://127.0.0.1:${freePort()}`;
      const cases: [args: string[], env: Record<string, string>, mode: JeedomMode, code: number, text: string][] = [
        [["call", "version", "--apikey-file", "apikey"], env, "normal", 0, '"result": "4.5.3"'],
        [["call", "version"], withKey, "normal", 0, '"result": "4.5.3"'],
        [["call", "version", "--apikey", jeedom.apikey], env, "normal", 0, "Others on this machine can see"],
        [["call", "version", "--apikey-file", "not_a_key"], env, "normal", 1, "Jeedom refuses the call: "],
        [["call", "no::such"], withKey, "normal", 1, "no::such (code 500)"],
        [["call", "cmd::byId", '{"id": 999}'], withKey, "normal", 1, "(code 701)"],
        [["call", "version"], env, "normal", 1, "403 "],
        [["call", "version"], withKey, "database-down", 1, "Jeedom answered HTTP 500 and nothing else"],
        [["call", "cmd::byId", '{"id": 1}'], withKey, "not-utf8", 1, "Jeedom answered nothing"],
        [["call", "version"], withKey, "page", 1, "a page for people"],
        [
          ["call", "version"],
          { ...withKey, GATEWAY_KEY: "ab".repeat(32) },
          "normal",
          1,
          "could not decrypt the request",
        ],
        [["call", "version"], { ...withKey, GATEWAY_URL: nowhere }, "normal", 1, "No gateway answers at "],
        [["call"], withKey, "normal", 2, "Usage: deno task call METHOD"],
        [["call", "version", "--apikey-file", "no_such_file"], env, "normal", 2, "there is no such file"],
        [["call", "version", "--key-file", "not_a_key"], withKey, "normal", 78, "must hold 64 hexadecimal"],
        [["publish", "home/test", "x", "--qos", "1"], env, "normal", 0, '"success":true'],
        [["publish", "home/#", "x"], env, "normal", 1, "400 "],
        [["health"], { ...env, GATEWAY_URL: `${gateway.url}/nowhere` }, "normal", 1, ""],
        [["health", "--url", "nowhere"], env, "normal", 2, "change --url"],
      ];
      for (const [args, env, mode, code, text] of cases) {
        jeedom.simulated.mode = mode;
        const run = await ended(spawnMain(args, { directory, env }));
        assertEquals(run.code, code, `${args.join(" ")}: ${run.out}${run.err}`);
        assertStringIncludes(run.out + run.err, text);
        for (const secret of [jeedom.apikey, "s3cret"]) assert(!(run.out + run.err).includes(secret), args.join(" "));
      }
    });
  }, { ms: 180_000 }));

const ASKS = await hasProgram("script");

Deno.test({
  // It runs a command on its own terminal.
  ...needing("call reads the API key from a terminal without echo; Ctrl-C ends it with 130", {
    script: ASKS,
  }),
  fn: () =>
    withEnvironment(async ({ gateway, jeedom }) => {
      const program = [
        ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-net", "--allow-read", "--allow-env"],
        ...[`${PROJECT}main.ts`, "call", "version", "--apikey-file", "-"],
      ];
      const typing = async (typed: string) => {
        const child = new Deno.Command("script", {
          // The echo of the terminal is checked afterwards.
          args: ["--quiet", "--command", `'${program.join("' '")}'; echo "exit code $?"; stty -a`, "/dev/null"],
          cwd: PROJECT,
          env: { GATEWAY_URL: gateway.url, GATEWAY_KEY: gateway.key, SHELL: "/bin/sh", NO_COLOR: "1" },
          stdin: "piped",
          stdout: "piped",
          stderr: "null",
        }).spawn();
        const writer = child.stdin.getWriter();
        let text = "";
        let isTyped = false;
        const decoder = new TextDecoder();
        for await (const chunk of child.stdout) {
          text += decoder.decode(chunk, { stream: true });
          if (isTyped || !text.includes("not shown")) continue;
          isTyped = true;
          await writer.write(new TextEncoder().encode(typed));
        }
        await child.status;
        await writer.close().catch(() => {});
        return text;
      };
      const text = await within("the answer", typing(`x\x7f${jeedom.apikey}\n`), 60_000);
      for (const shown of ['"result": "4.5.3"', "exit code 0", " echo "]) assertStringIncludes(text, shown);
      assert(!text.includes(jeedom.apikey), text);
      const interrupted = await within("the end", typing("s3cret\x03"), 60_000);
      for (const shown of ["exit code 130", " echo "]) assertStringIncludes(interrupted, shown);
      assert(!interrupted.includes("s3cret"), interrupted);
    }),
});
