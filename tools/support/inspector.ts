/** Looks into the memory of another Deno process that was started with `--inspect`, over V8's debugging protocol. */
import { freePort } from "../../tests/support/loopback.ts";

/** A process under inspection. Calls of `fetch` in it cost more than usual: measure no times there. */
export interface Inspector {
  /** Has it collect all garbage and give the memory back. */
  collectGarbage(): Promise<void>;
  /** Memory of its JavaScript objects, in bytes. */
  heapBytes(): Promise<number>;
  /** What is open in it, as it sees it itself. */
  handles(): Promise<Handles>;
  /** Ends the inspection. */
  close(): void;
}

/** What keeps a process busy. */
export interface Handles {
  /** Timers and intervals that wait. */
  readonly timers: number;
  /** Sockets, files and streams of Deno's. */
  readonly resources: number;
}

const TIMERS = 'process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length';

// How many resources there are is told by nothing public.
const RESOURCES = "Object.keys(Deno[Deno.internal].core.resources()).length";

/** The flag for `deno run`, and how to connect once the process is up. */
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
  const waiting = new Map<number, (result: { result?: { value?: number } }) => void>();
  let calls = 0;
  socket.onmessage = ({ data }) => {
    const { id, result } = JSON.parse(data);
    waiting.get(id)?.(result);
    waiting.delete(id);
  };
  function call(method: string, params: unknown = {}): Promise<{ result?: { value?: number } }> {
    const id = ++calls;
    const { promise, resolve, reject } = Promise.withResolvers<{ result?: { value?: number } }>();
    waiting.set(id, resolve);
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
      // What finalizers let go of is there for the second time only.
      for (let times = 0; times < 2; times++) {
        await call("HeapProfiler.collectGarbage");
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
    heapBytes: () => evaluate("Deno.memoryUsage().heapUsed"),
    handles: async () => ({ timers: await evaluate(TIMERS), resources: await evaluate(RESOURCES) }),
    close: () => socket.close(),
  };
}
