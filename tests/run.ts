/**
 * Runs `deno test` with a progress counter; at the end, lists the ignored tests by requirement and the packages to
 * install for them. Passes its arguments on, such as paths.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { stripVTControlCharacters } from "node:util";
import { type Need, PACKAGES_FOR } from "./support/needs.ts";

const FLAGS = ["-A", "--parallel", "--quiet"];

/** Beginning of a result in the output of parallel tests. */
const RESULT = /^(\S+_test\.ts) => /;
const IGNORED = / \(needs (.+)\) \.\.\. ignored /;

const isNeed = (text: string): text is Need => text in PACKAGES_FOR;

/** Progress from the output of `deno test`. */
export class TestProgress {
  readonly #total: number;
  readonly #files = new Set<string>();
  readonly #ignored = new Map<string, number>();

  /** @param total number of files with tests */
  constructor(total: number) {
    this.#total = total;
  }

  /** Returns a line of output; a result gets the number of started files and the time as a prefix. */
  show(line: string, seconds: number): string {
    const text = stripVTControlCharacters(line);
    const [, file] = RESULT.exec(text) ?? [];
    if (file === undefined) return line;
    this.#files.add(file);
    const [, needs] = IGNORED.exec(text) ?? [];
    if (needs !== undefined) this.#ignored.set(needs, (this.#ignored.get(needs) ?? 0) + 1);
    const time = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds) % 60).padStart(2, "0")}`;
    return `[${this.#files.size}/${this.#total} ${time}] ${line}`;
  }

  /** Returns lines with the ignored tests by requirement and the packages to install; none without ignored tests. */
  ignoredTests(): string[] {
    if (this.#ignored.size === 0) return [];
    const counts = [...this.#ignored].toSorted(([, one], [, other]) => other - one);
    const needs = counts.flatMap(([needs]) => needs.split(" and ")).filter(isNeed);
    const packages = new Set(needs.flatMap((need) => PACKAGES_FOR[need].split(" ")).filter((name) => name !== ""));
    return [
      "Ignored tests, by missing requirement:",
      ...counts.map(([needs, count]) => `${String(count).padStart(5)}  ${needs}`),
      ...packages.size === 0 ? [] : [`To run them on Debian: apt install ${[...packages].toSorted().join(" ")}`],
    ];
  }
}

/** Counts the test files in files and directories; ignores options. */
async function countFiles(paths: readonly string[]): Promise<number> {
  let count = 0;
  for (const path of paths) {
    const info = await Deno.stat(path).catch(() => undefined);
    if (info?.isFile && path.endsWith("_test.ts")) count += 1;
    if (!info?.isDirectory) continue;
    count += await countFiles((await Array.fromAsync(Deno.readDir(path))).map(({ name }) => `${path}/${name}`));
  }
  return count;
}

/** Runs `deno test` and returns its exit code. */
async function run(print: (line: string) => Promise<void>): Promise<number> {
  const progress = new TestProgress(await countFiles(Deno.args) || await countFiles(["tests"]));
  const begin = performance.now();
  const child = spawn(Deno.execPath(), ["test", ...FLAGS, ...Deno.args], { stdio: ["inherit", "pipe", "inherit"] });
  const closed = once(child, "close");
  // Ctrl-C reaches the tests by itself, and they report which of them were running.
  Deno.addSignalListener("SIGINT", () => {});
  Deno.addSignalListener("SIGTERM", () => child.kill("SIGTERM"));
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      await print(progress.show(line, (performance.now() - begin) / 1000));
    }
    const [code] = await closed;
    for (const line of progress.ignoredTests()) await print(line);
    return typeof code === "number" ? code : 1;
  } catch (error) {
    // The output is closed, as by `| head`.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    child.kill("SIGTERM");
    return 1;
  }
}

if (import.meta.main) {
  const writer = Deno.stdout.writable.getWriter();
  const encoder = new TextEncoder();
  Deno.exit(await run((line) => writer.write(encoder.encode(`${line}\n`))));
}
