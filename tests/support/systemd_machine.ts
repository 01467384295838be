/** Simulated machine for install.sh: a directory, and fakes of the commands that need root, which record their calls. */
const SCRIPT = new URL("../../systemd/install.sh", import.meta.url).pathname;

/** Real programs that the script needs; the PATH has no others, in particular not systemd. */
export const TOOLS: readonly string[] =
  "bash cat chmod cmp cp cut dirname find grep install ln mkdir mv od rm sed tr uname".split(" ");

/** Deviations from a working machine. */
export interface MachineOptions {
  readonly user?: number;
  readonly booted?: boolean;
  /** Installed version of Deno; undefined for none. */
  readonly deno?: string | undefined;
  /** Exit code of `deno cache`. */
  readonly cacheCode?: number;
  /** Exit code of `deno run`. */
  readonly runCode?: number;
  /** Exit code of `systemctl restart`. */
  readonly restartCode?: number;
}

/** Result of the script. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Calls of systemctl, useradd, userdel and chown. */
  readonly calls: readonly string[];
}

/** Machine that keeps its files until it is disposed of. */
export class Machine implements AsyncDisposable {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async make(): Promise<Machine> {
    const machine = new Machine(await Deno.makeTempDir({ prefix: "machine-" }));
    await Deno.mkdir(machine.path("/run/systemd/system"), { recursive: true });
    await Deno.mkdir(machine.#bin);
    for (const tool of TOOLS) await Deno.symlink(await findTool(tool), `${machine.#bin}/${tool}`);
    return machine;
  }

  /** Returns the real path of a path of the machine. */
  path(path: string): string {
    return `${this.#directory}/root${path}`;
  }

  /** Runs install.sh in the root directory of the machine. */
  async install(args: readonly string[] = [], options: MachineOptions = {}): Promise<Outcome> {
    await this.#writeFakes({ deno: "2.9.6", ...options });
    if (options.booted === false) await Deno.remove(this.path("/run/systemd/system"));
    const { code, stdout, stderr } = await new Deno.Command(`${this.#bin}/bash`, {
      args: [SCRIPT, ...args],
      cwd: this.path(""),
      clearEnv: true,
      env: { PATH: this.#bin, E2E_GATEWAY_ROOT: this.path("") },
      stdin: "null",
    }).output();
    const calls = await Deno.readTextFile(this.#callsFile).catch(() => "");
    await Deno.remove(this.#callsFile).catch(() => {});
    return {
      code,
      stdout: new TextDecoder().decode(stdout),
      stderr: new TextDecoder().decode(stderr),
      calls: calls.split("\n").filter((line) => line !== "").map((line) => line.replaceAll(this.path(""), "")),
    };
  }

  /** Returns every file with its content or link target. */
  async files(path: string): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const root = this.path(path);
    if (!await Deno.lstat(root).then(() => true, () => false)) return found;
    const pending = [root];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for await (const { name, isDirectory, isSymlink } of Deno.readDir(next)) {
        const file = `${next}/${name}`;
        if (isDirectory) pending.push(file);
        else found.set(file.slice(this.path("").length), await (isSymlink ? Deno.readLink : Deno.readTextFile)(file));
      }
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#directory, { recursive: true });
  }

  get #bin(): string {
    return `${this.#directory}/bin`;
  }

  get #callsFile(): string {
    return `${this.#directory}/calls`;
  }

  async #writeFakes({ user = 0, deno, cacheCode = 0, runCode = 0, restartCode = 0 }: MachineOptions): Promise<void> {
    const users = `${this.#directory}/users`;
    const record = (name: string) => `echo "${name} $*" >>"${this.#callsFile}"`;
    const fakes: Record<string, readonly string[]> = {
      id: [`echo ${user}`],
      chown: [record("chown")],
      systemctl: [record("systemctl"), `if [ "$1" = restart ]; then exit ${restartCode}; fi`],
      journalctl: ['echo "What the journal holds"'],
      useradd: [record("useradd"), `echo found >"${users}"`],
      userdel: [record("userdel"), `rm "${users}"`],
      getent: [`[ -e "${users}" ]`],
      ...deno === undefined ? {} : {
        deno: [
          `if [ "$1" = --version ]; then echo "deno ${deno} (stable, release)"; fi`,
          `if [ "$1" = eval ]; then echo "${this.#bin}/deno"; fi`,
          `if [ "$1" = cache ]; then mkdir -p "$DENO_DIR"; echo "$#" >"$DENO_DIR/filled"; exit ${cacheCode}; fi`,
          `if [ "$1" = run ]; then echo "\${*: -1}" >"$DENO_DIR/ran"; exit ${runCode}; fi`,
        ],
      },
    };
    await Deno.remove(`${this.#bin}/deno`).catch(() => {});
    for (const [name, lines] of Object.entries(fakes)) {
      await Deno.writeTextFile(`${this.#bin}/${name}`, [`#!${this.#bin}/bash`, ...lines, ""].join("\n"));
      await Deno.chmod(`${this.#bin}/${name}`, 0o755);
    }
  }
}

async function findTool(name: string): Promise<string> {
  for (const directory of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = `${directory}/${name}`;
    if (await Deno.stat(path).then((info) => info.isFile, () => false)) return path;
  }
  throw new Error(`The test needs "${name}" on the PATH`);
}
