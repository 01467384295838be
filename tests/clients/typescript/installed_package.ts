/** The npm package of the TypeScript client, installed in a project. */

const ROOT = new URL("../../../", import.meta.url).pathname;

/** The oldest Node that the package is for. */
const NODE_MAJOR = 20;

/** True if Node or npm are missing, or too old. CI has them: there the tests fail without them. */
export const WITHOUT_NODE = !hasNode() && Deno.env.get("CI") !== "true";

function hasNode(): boolean {
  try {
    const [node, npm] = ["node", "npm"].map((name) => new Deno.Command(name, { args: ["--version"] }).outputSync());
    const major = /^v(\d+)/.exec(new TextDecoder().decode(node?.stdout))?.[1];
    return Number(major) >= NODE_MAJOR && npm?.success === true;
  } catch {
    return false;
  }
}

/** A file of a package. */
export interface PackedFile {
  readonly path: string;
  readonly size: number;
}

/** A Node project with the package alone. */
export interface InstalledPackage {
  /** The project. */
  readonly project: string;
  /** The package in it. */
  readonly directory: string;
  /** Packed files. */
  readonly files: readonly PackedFile[];
  /** Size of the tarball, in bytes. */
  readonly size: number;
}

/** Builds the package, packs it, and installs it in an empty project, without a network. */
export async function installPackage(directory: string): Promise<InstalledPackage> {
  const [built, project] = [`${directory}/built`, `${directory}/project`];
  // Without the settings and the cache of the machine. In lower case, as npm passes them on.
  const env = {
    "npm_config_userconfig": `${directory}/npmrc`,
    "npm_config_cache": `${directory}/cache`,
    "npm_config_update_notifier": "false",
  };
  await run(Deno.execPath(), ["task", "--quiet", "build:npm", built], { cwd: ROOT });
  const pack = ["pack", "--json", "--offline", "--pack-destination", directory];
  const [packed] = JSON.parse(await run("npm", pack, { cwd: built, env }));
  await Deno.mkdir(project);
  await Deno.writeTextFile(`${project}/package.json`, '{ "type": "module", "private": true }');
  const install = ["install", "--offline", "--no-audit", "--no-fund", `../${packed.filename}`];
  await run("npm", install, { cwd: project, env });
  return {
    project,
    directory: `${project}/node_modules/@e2e-gateway/client`,
    files: packed.files,
    size: packed.size,
  };
}

/** Options for running a command. */
export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command, and returns its output; fails with the output if the command fails. */
export async function run(path: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(path, { ...options, args: [...args] }).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  if (!success) throw new Error(`${path} ${args.join(" ")} failed:\n${text}${decoder.decode(stderr)}`);
  return text;
}
