/**
 * Folders of the npm packages that a module imports, in Deno's cache: esbuild reads no deno.json.
 *
 * @module
 */

/** What `deno info --json` tells of the packages. */
interface ModuleGraph {
  readonly modules: readonly { readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<Record<string, CachedPackage>>;
}

interface CachedPackage {
  readonly name: string;
  readonly localPath: string;
  readonly dependencies: readonly string[];
}

/**
 * Finds the packages of some modules and the packages that those depend on.
 *
 * @param modules paths of the modules
 * @returns the packages' folders by their names
 * @throws {Error} if a package is needed in two versions
 */
export async function findPackages(modules: readonly string[]): Promise<Record<string, string>> {
  const graphs = await Promise.all(modules.map(readGraph));
  const found = new Map<string, string>();
  for (const { modules, npmPackages } of graphs) {
    const add = (id: string): void => {
      const one = npmPackages[id];
      if (one === undefined) throw new Error(`deno info does not list the package ${id}. Run deno install`);
      const before = found.get(one.name);
      if (before === one.localPath) return;
      if (before !== undefined) {
        throw new Error(`${one.name} is needed in two versions: keep one in src/console/deno.json`);
      }
      found.set(one.name, one.localPath);
      one.dependencies.forEach(add);
    };
    modules.forEach(({ npmPackage }) => npmPackage !== undefined && add(npmPackage));
  }
  return Object.fromEntries(found);
}

async function readGraph(module: string): Promise<ModuleGraph> {
  const info = new Deno.Command(Deno.execPath(), { args: ["info", "--json", "--quiet", module], stderr: "inherit" });
  const { success, stdout } = await info.output();
  if (!success) throw new Error(`deno info failed for ${module}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
