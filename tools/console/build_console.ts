/**
 * Builds the files of the page from `src/console/`.
 *
 * | Source | Built file |
 * | --- | --- |
 * | `index.html` | `index.html`, which names the others |
 * | `main.tsx`, `styles/main.css` | `assets/main-HASH.js`, `assets/main-HASH.css`, further scripts that they import |
 * | `admin/index.html`, `admin/main.tsx`, `admin/main.css` | the same for the Admin page, below `admin/` |
 * | `workers/NAME.ts` | `NAME.js`, in one file, as a worker is named by its address |
 * | `static/NAME` | `NAME`, unchanged |
 *
 * @module
 */
import { type BundledFile, type Bundler, createBundler } from "./bundle.ts";
import { nameByContent } from "./content_names.ts";
import { makePage, type PageAsset } from "./page.ts";

const PROJECT = new URL("../..", import.meta.url).pathname;

/** A page: its folder in the sources and in the result, and the entries that its index.html names. */
interface PageSources {
  readonly folder: string;
  readonly entries: readonly string[];
}

const PAGE: PageSources = { folder: "", entries: ["main.tsx", "styles/main.css"] };

/** Built apart, so that no file of it is a file of the page that devices load. */
const ADMIN_PAGE: PageSources = { folder: "admin/", entries: ["main.tsx", "main.css"] };

const PAGES = [PAGE, ADMIN_PAGE];

/** Folder of the files that are named by their content, relative to the page. */
const ASSETS = "assets/";

/** Returns whether a file is named by its content. */
export function isNamedByContent(path: string): boolean {
  return PAGES.some(({ folder }) => path.startsWith(`${folder}${ASSETS}`));
}

/** Folder of the page's sources. */
export const SOURCES = `${PROJECT}src/console`;

/** Built files by their paths relative to the page, in the order of their names. */
export type ConsoleFiles = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** Builds all files. The same sources and packages give the same bytes on every machine. */
export async function buildConsole(): Promise<ConsoleFiles> {
  const workers = (await namesIn("workers")).filter((name) => name.endsWith(".ts")).map((name) => `workers/${name}`);
  const bundler = await createBundler(SOURCES, {
    entries: [...PAGES.flatMap(pathsOf), ...workers],
    modules: { "@e2e-gateway/client": `${PROJECT}src/client/gateway_client.ts` },
  });
  const files = new Map([...await buildPage(bundler, PAGE), ...await readStatic()]);
  const define = { E2EG_SHELL: JSON.stringify(await shellOf(files)) };
  for (const entry of workers) {
    const name = entry.slice(entry.lastIndexOf("/") + 1).replace(/\.ts$/, ".js");
    files.set(name, encode(await bundler.worker(entry, define)));
  }
  // After the workers: they keep what devices load.
  for (const [path, content] of await buildPage(bundler, ADMIN_PAGE)) files.set(path, content);
  return new Map([...files].sort(([a], [b]) => a < b ? -1 : 1));
}

/** Returns the paths of a page's entries below the sources. */
function pathsOf({ folder, entries }: PageSources): readonly string[] {
  return entries.map((entry) => folder + entry);
}

/** Returns index.html and the files that are named by their content. */
async function buildPage(bundler: Bundler, sources: PageSources): Promise<ConsoleFiles> {
  const { folder } = sources;
  const paths = pathsOf(sources);
  const bundled = await bundler.page(paths);
  const { names, texts } = await nameByContent(new Map(bundled.map(({ name, text }) => [name, text])), startOfName);
  const assets = new Map<string, PageAsset>();
  for (const { name } of bundled) {
    const newName = names.get(name) ?? name;
    assets.set(name, { path: `${ASSETS}${newName}`, text: texts.get(newName) ?? "" });
  }
  const assetsOf = (files: readonly BundledFile[]) => files.flatMap(({ name }) => assets.get(name) ?? []);
  const entries = new Map(
    paths.flatMap((entry) =>
      assetsOf(bundled.filter((file) => file.entry === entry)).map((asset) =>
        [entry.slice(folder.length), asset] as const
      )
    ),
  );
  const preloads = assetsOf(importedBy(paths[0], bundled));
  const page = await makePage(await Deno.readTextFile(`${SOURCES}/${folder}index.html`), { entries, preloads });
  return new Map([
    [`${folder}index.html`, encode(page)],
    ...[...assets.values()].map(({ path, text }) => [folder + path, encode(text)] as const),
  ]);
}

/** Returns the files that an entry imports at its start, directly or not. */
function importedBy(entry: string | undefined, bundled: readonly BundledFile[]): readonly BundledFile[] {
  const reached = new Set(bundled.filter((file) => file.entry === entry));
  for (const { imports } of reached) {
    for (const file of bundled) if (imports.includes(file.name)) reached.add(file);
  }
  return [...reached].filter((file) => file.entry !== entry);
}

/** Returns the files that are served as they are. */
async function readStatic(): Promise<ConsoleFiles> {
  const read = async (name: string) => [name, await Deno.readFile(`${SOURCES}/static/${name}`)] as const;
  return new Map(await Promise.all((await namesIn("static")).map(read)));
}

/** Returns what a service worker needs to know of the files. */
async function shellOf(files: ConsoleFiles): Promise<{ readonly version: string; readonly files: readonly string[] }> {
  const sorted = [...files].sort(([a], [b]) => a < b ? -1 : 1);
  const hashes = await Promise.all(sorted.map(([, content]) => sha256(content)));
  const version = await sha256(encode(sorted.map(([path], index) => `${path} ${hashes[index]}`).join("\n")));
  return { version: version.slice(0, 16), files: sorted.map(([path]) => path === "index.html" ? "./" : path) };
}

/** Returns `main` for `main-ABCDEFGH.js`. */
function startOfName(name: string): string {
  return name.slice(0, name.lastIndexOf("-"));
}

/** Returns the names of the files in a folder of the sources, sorted; none if it does not exist. */
async function namesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(`${SOURCES}/${folder}`)) if (isFile) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}

async function sha256(content: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
