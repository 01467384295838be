/** A platform for commands that uses the real files by default and prints into an array. */
import type { Platform } from "../../src/platform.ts";

/** Creates the platform; `overrides` replace its members. */
export function fakePlatform(overrides: Partial<Platform> = {}): Platform & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    args: [],
    isTerminal: false,
    files: Deno,
    stdin: { isTerminal: () => false, readable: new Blob().stream() },
    askSecret: () => Promise.resolve(undefined),
    fetch,
    serve: Deno.serve,
    upgradeWebSocket: Deno.upgradeWebSocket,
    createHttpClient: Deno.createHttpClient,
    listenDatagram: Deno.listenDatagram,
    denoVersion: Deno.version.deno,
    listen: (where) => Deno.listen(where),
    connect: (options) => Deno.connect(options),
    startTls: Deno.startTls,
    lookup: () => Promise.resolve([]),
    freeBytes: () => Promise.resolve(undefined),
    run: () => Promise.reject(new Deno.errors.NotFound()),
    networkInterfaces: () => [],
    process: () => ({ rssBytes: 1, heapBytes: 1, cpuSeconds: 1, startTimeSeconds: 1 }),
    makeTempDir: () => Deno.makeTempDir(),
    env: () => undefined,
    envNames: () => [],
    print: (line) => void lines.push(line),
    printBytes: (bytes) => void lines.push(bytes.toHex()),
    printError: (line) => void lines.push(line),
    onReload: () => {},
    untilStopped: () => Promise.resolve(),
    ...overrides,
    lines,
  };
}
