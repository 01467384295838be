/** Compiler of a module and its imports to JavaScript and declarations for Node and TypeScript. */
import ts from "typescript";

/**
 * Libraries of Node 20: newer functions are type errors here. The last two are for code that checks first whether the
 * platform has a function.
 */
const PLATFORM = [
  "es2023",
  "es2024.string",
  "dom",
  "dom.iterable",
  "dom.asynciterable",
  "es2024.arraybuffer",
  "esnext.typedarrays",
];

/** Options of the compiler. */
export interface CompileOptions {
  /** Root directory of the sources. */
  readonly sources: string;
  /** Further checks of the compiler. */
  readonly checks: ts.CompilerOptions;
}

/**
 * Compiles a module.
 *
 * @param entry its path
 * @returns the texts of the files by their names, which are paths below `sources` with other endings
 * @throws {Error} if a type is wrong or a platform is not old enough
 */
export function compileModule(entry: string, { sources, checks }: CompileOptions): Map<string, string> {
  const program = ts.createProgram([entry], {
    ...checks,
    target: ts.ScriptTarget.ES2022,
    lib: PLATFORM.map((name) => `lib.${name}.d.ts`),
    types: [],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    verbatimModuleSyntax: true,
    rewriteRelativeImportExtensions: true,
    declaration: true,
    strict: true,
    rootDir: sources,
    outDir: OUT,
  });
  const problems = ts.getPreEmitDiagnostics(program);
  if (problems.length > 0) throw new Error(`Client does not compile for npm:\n${describe(problems, sources)}`);
  const files = new Map<string, string>();
  program.emit(undefined, (path, text) => {
    const name = path.slice(OUT.length + 1);
    files.set(name, name.endsWith(".d.ts") ? relink(text) : text);
  });
  return new Map([...files].sort(([a], [b]) => a < b ? -1 : 1));
}

/** Virtual directory: the compiler writes nothing. */
const OUT = "/out";

/** Rewrites the imports in declarations: the compiler does that for JavaScript only. */
function relink(declarations: string): string {
  return declarations.replaceAll(/((?:from|import\() ?"\.[^"]+)\.ts"/g, '$1.js"');
}

function describe(problems: readonly ts.Diagnostic[], sources: string): string {
  return ts.formatDiagnostics(problems, {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => sources,
    getNewLine: () => "\n",
  });
}
