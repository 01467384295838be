/** Inspects the memory of another Deno process over V8's debugging protocol. */
import { freePort } from "../../tests/support/loopback.ts";

/** Connection to an inspected process. Its `fetch` is slower than usual: measure no times there. */
export interface Inspector {
  /** Collects all garbage and returns the memory to the system. */
  collectGarbage(): Promise<void>;
  /** Returns the memory of its JavaScript objects, in bytes. */
  heapBytes(): Promise<number>;
  /** Returns the numbers of its open handles. */
  handles(): Promise<Handles>;
  /** Disconnects. */
  close(): void;
}

/** Open handles of a process. */
export interface Handles {
  /** Pending timers and intervals. */
  readonly timers: number;
  /** Sockets, files and streams of Deno. */
  readonly resources: number;
}

const TIMERS = 'process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length';

// No public API returns the number of resources.
const RESOURCES = "Object.keys(Deno[Deno.internal].core.resources()).length";

/** Returns the flag for `deno run`, and the function that connects once the process runs. */
export function prepareInspection(): { readonly flag: string; readonly inspect: () => Promise<Inspector> } {
  const port = freePort();
  return { flag: `--inspect=127.0.0.1:${port}`, inspect: () => inspect(port) };
}

async function inspect(port: number): Promise<Inspector> {
  const targets: { webSocketDebuggerUrl: string }[] = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? "");
  const opened = Promise.withResolvers<void>();
  socket.onopen = () => opened.resolve();
  socket.onclose = socket.onerror = () => opened.reject(new Error("Inspected process does not answer"));
  await opened.promise;
  const pending = new Map<number, (result: { result?: { value?: number } }) => void>();
  let calls = 0;
  socket.onmessage = ({ data }) => {
    const { id, result } = JSON.parse(data);
    pending.get(id)?.(result);
    pending.delete(id);
  };
  function call(method: string, params: unknown = {}): Promise<{ result?: { value?: number } }> {
    const id = ++calls;
    const { promise, resolve, reject } = Promise.withResolvers<{ result?: { value?: number } }>();
    pending.set(id, resolve);
    socket.onclose = () => reject(new Error("Inspected process ended"));
    socket.send(JSON.stringify({ id, method, params }));
    return promise;
  }
  async function evaluate(expression: string): Promise<number> {
    const { result } = await call("Runtime.evaluate", { expression });
    return result?.value ?? NaN;
  }
  return {
    async collectGarbage() {
      // Objects released by finalizers are only collected the second time.
      for (let pass = 0; pass < 2; pass++) {
        await call("HeapProfiler.collectGarbage");
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
    heapBytes: () => evaluate("Deno.memoryUsage().heapUsed"),
    handles: async () => ({ timers: await evaluate(TIMERS), resources: await evaluate(RESOURCES) }),
    close: () => socket.close(),
  };
}
