/** The commands of README.md, one after the other, in a copy of the project with an empty HOME. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { within } from "../support/deadline.ts";
import { freePort } from "../support/loopback.ts";
import { needing } from "../support/needs.ts";
import { inTempDir } from "../support/temp_dir.ts";
import { startJeedom } from "../support/jeedom_server.ts";
import { ProcessOutput } from "../support/process_output.ts";
import { copyProject, denoDirectory } from "../support/project_copy.ts";
import { hasProgram } from "../support/programs.ts";

const PROJECT = new URL("../../", import.meta.url).pathname;

/** Default ports in README.md, which may be in use on this machine. */
const DOCUMENTED = { PORT: "10000", METRICS_PORT: "9464" };

/** Output lines after which the next command may run. */
const READY: Readonly<Record<string, RegExp>> = {
  demo: /Ctrl-C ends it/,
  start: /listens on/,
  // The retained message of the earlier commands.
  subscribe: /^home\/test 22\.5/,
};

const readme = await Deno.readTextFile(`${PROJECT}README.md`);

/** Returns every code block with its language and its lines. */
const BLOCKS = [...readme.matchAll(/^```(.*?)\n(.*?)\n```$/gms)].map(([, language = "", text = ""]) => ({
  language,
  lines: text.split("\n"),
}));

/** Command line. */
interface Line {
  readonly command: string;
  /** Documented output: the JSON block that follows. */
  readonly shown: string | undefined;
}

/** Returns the command lines of all `sh` blocks; `shell` blocks need more than this machine. */
const LINES: readonly Line[] = BLOCKS.flatMap(({ language, lines }, index) => {
  const next = BLOCKS[index + 1];
  const shown = next?.language === "json" ? next.lines.join("\n") : undefined;
  return language === "sh" ? lines.map((command, at) => ({ command, shown: lines[at + 1] ? undefined : shown })) : [];
});

/** Returns the task of a command line; undefined for other programs. */
const taskOf = (command: string) => /^(?:npx -y deno@\S+|deno) task (\S+)/.exec(command)?.[1];

/** Terminal in the copied project. */
class Terminal {
  readonly #directory: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(directory: string, env: Readonly<Record<string, string>>) {
    this.#directory = directory;
    this.#env = env;
  }

  /** Starts a command; Ctrl-C of a terminal reaches its whole process group, here its first process. */
  begin(command: string): { readonly output: ProcessOutput; stop(): Promise<number>; readonly ended: Promise<number> } {
    const child = new Deno.Command("sh", {
      args: ["-c", `exec ${this.#onFreePorts(command)}`],
      cwd: this.#directory,
      clearEnv: true,
      env: this.#env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = new ProcessOutput(child);
    const ended = Promise.all([child.status, output.ended]).then(([{ code }]) => code);
    return {
      output,
      ended,
      stop: async () => {
        child.kill("SIGINT");
        return await within(`end of ${command}`, ended, 60_000);
      },
    };
  }

  #onFreePorts(command: string): string {
    return Object.entries(DOCUMENTED).reduce(
      (text, [name, port]) => text.replaceAll(`:${port}`, `:${this.#env[name]}`),
      command,
    );
  }
}

/** Programs of README.md: the Deno of this test, and an npx that starts it without the network. */
async function writePrograms(directory: string): Promise<void> {
  await Deno.mkdir(directory);
  await Deno.symlink(Deno.execPath(), `${directory}/deno`);
  const npx = `#!/bin/sh\n[ "$1 $2" = "-y deno@${Deno.version.deno}" ] || exit 1\nshift 2\nexec deno "$@"\n`;
  await Deno.writeTextFile(`${directory}/npx`, npx, { mode: 0o755 });
  // Otherwise curl exits with 0 for a status such as 404.
  await Deno.writeTextFile(`${directory}/.curlrc`, "fail\n");
}

Deno.test({
  ...needing("every sh block of README.md works unchanged in a fresh copy of the project with an empty HOME", {
    curl: await hasProgram("curl"),
  }),
  fn: () => inTempDir(typeReadme),
});

Deno.test("README.md has no block of commands that the test above skips without reason", () => {
  const languages = new Set(BLOCKS.map(({ language }) => language));
  assertEquals([...languages].filter((language) => !["", "sh", "shell", "json"].includes(language)), []);
  const others = BLOCKS.filter(({ language }) => language !== "sh").flatMap(({ lines }) => lines);
  assertEquals(others.filter((line) => taskOf(line) !== undefined), []);
});

async function typeReadme(directory: string): Promise<void> {
  const project = `${directory}/project`;
  const home = `${directory}/home`;
  const bin = `${directory}/bin`;
  for (const folder of [project, home]) await Deno.mkdir(folder);
  await copyProject(project);
  await writePrograms(bin);
  const jeedom = startJeedom();
  const terminal = new Terminal(project, {
    PATH: `${bin}:${Deno.env.get("PATH")}`,
    HOME: home,
    CURL_HOME: bin,
    DENO_DIR: await denoDirectory(),
    NO_COLOR: "1",
    PORT: String(freePort()),
    METRICS_PORT: String(freePort()),
  });
  let gateway: ReturnType<Terminal["begin"]> | undefined;
  const start = async (command: string) => {
    gateway = terminal.begin(command);
    await gateway.output.line((line) => READY["start"]?.test(line) ?? false);
  };
  const done: string[] = [];
  try {
    for (const { command, shown } of LINES) {
      const task = taskOf(command);
      // It is running.
      if (task === "test") continue;
      done.push(command);
      if (task === "start") {
        await start(command);
      } else if (task !== undefined && READY[task] !== undefined) {
        const running = terminal.begin(command);
        await running.output.line((line) => READY[task]?.test(line) ?? false);
        assertEquals(await running.stop(), 0, `${command}\n${running.output.text}`);
      } else {
        const { output, ended } = terminal.begin(command);
        const code = await within(`end of ${command}`, ended, 60_000);
        assertEquals(code, 0, `${command}\n${output.text}`);
        if (shown !== undefined) assertStringIncludes(output.text, shown);
      }
      if (task === "demo") assertEquals(await namesIn(`${project}/data`), [], "The demo leaves files in data");
      if (command === "cp .env.example .env") {
        // The text beside this command asks for it.
        const settings = `JEEDOM_URL=${jeedom.url}\nJEEDOM_APIKEY=${jeedom.apikey}\n`;
        await Deno.writeTextFile(`${project}/.env`, settings, { append: true });
        assertEquals(await gateway?.stop(), 0);
        await start("deno task start");
      }
    }
    assertEquals(await gateway?.stop(), 0);
    assertEquals(await namesIn(home), [], "Files were left in HOME");
    // A README without blocks would pass all of the above.
    for (const task of ["demo", "start", "health", "publish", "subscribe", "check-config", "call", "keys", "doctor"]) {
      assert(done.some((command) => taskOf(command) === task), `No block of README.md runs deno task ${task}`);
    }
  } finally {
    await gateway?.stop().catch(() => {});
    await jeedom.stop();
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
