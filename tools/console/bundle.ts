/**
 * The page's scripts and styles as esbuild bundles them.
 *
 * @module
 */
import * as esbuild from "esbuild";
import { findPackages } from "./packages.ts";

/** Options of all bundles. */
const OPTIONS = {
  bundle: true,
  write: false,
  minify: true,
  platform: "browser",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  // Nothing outside of the sources may change the result.
  tsconfigRaw: "{}",
  logLevel: "warning",
} as const satisfies esbuild.BuildOptions;

/** Bundled file. */
export interface BundledFile {
  /** Name, unique as a text. */
  readonly name: string;
  /** Content. */
  readonly text: string;
  /** Path below the sources of the entry that it is made of; undefined for what several files share. */
  readonly entry: string | undefined;
  /** Names of the files that it imports at its start. */
  readonly imports: readonly string[];
}

/** Bundler of a folder of sources. */
export interface Bundler {
  /** Bundles entries for the page, in files that share their common parts. */
  page(entries: readonly string[]): Promise<readonly BundledFile[]>;
  /** Bundles a worker in one file of its own. */
  worker(entry: string, define: Readonly<Record<string, string>>): Promise<string>;
}

/**
 * Creates a bundler.
 *
 * @param root folder of the sources
 * @param options all entries, and modules that are imported by a package's name
 */
export async function createBundler(
  root: string,
  { entries, modules }: { readonly entries: readonly string[]; readonly modules: Readonly<Record<string, string>> },
): Promise<Bundler> {
  const scripts = entries.filter((entry) => !entry.endsWith(".css")).map((entry) => `${root}/${entry}`);
  const options = { ...OPTIONS, absWorkingDir: root, alias: { ...await findPackages(scripts), ...modules } };
  return {
    async page(entries) {
      const { outputFiles, metafile } = await esbuild.build({
        ...options,
        entryPoints: [...entries],
        outdir: "out",
        format: "esm",
        splitting: true,
        metafile: true,
        entryNames: "[name]-[hash]",
        chunkNames: "[name]-[hash]",
      });
      return outputFiles.map(({ path, text }) => {
        const { entryPoint, imports } = metafile.outputs[path.slice(root.length + 1)] ?? { imports: [] };
        const first = imports.filter(({ kind }) => kind === "import-statement");
        return { name: baseName(path), text, entry: entryPoint, imports: first.map(({ path }) => baseName(path)) };
      });
    },
    async worker(entry, define) {
      const { outputFiles } = await esbuild.build({ ...options, entryPoints: [entry], format: "iife", define });
      return outputFiles.map(({ text }) => text).join("");
    },
  };
}

/** Ends esbuild's process. */
export async function closeBundler(): Promise<void> {
  await esbuild.stop();
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
