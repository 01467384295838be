/** Counts what keeps another Deno process busy, over V8's debugging protocol. */

/** What is open in the process, as it sees it itself. */
export interface Handles {
  /** Timers and intervals that wait. */
  readonly timers: number;
  /** Sockets, files and streams of Deno's. */
  readonly resources: number;
}

/** Looks again and again. */
export interface HandleCounter {
  /** Counts. */
  count(): Promise<Handles>;
  /** Ends the inspection. */
  close(): void;
}

// `process` is a global of Deno's; how many resources there are is told by nothing public.
const EXPRESSION = `JSON.stringify({
  timers: process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length,
  resources: Object.keys(Deno[Deno.internal].core.resources()).length,
})`;

/** Begins to inspect a process by the flag that it was started with, `--inspect=HOST:PORT`. */
export async function countHandles(flag: string): Promise<HandleCounter> {
  const targets = await fetch(`http://${flag.replace("--inspect=", "")}/json`);
  const [target]: { webSocketDebuggerUrl: string }[] = await targets.json();
  const socket = new WebSocket(target?.webSocketDebuggerUrl ?? "");
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = socket.onclose = () => reject(new Error("Inspected process does not answer"));
  });
  return {
    async count() {
      const message = await new Promise<MessageEvent<string>>((resolve, reject) => {
        socket.onmessage = resolve;
        socket.onclose = () => reject(new Error("Inspected process ended"));
        socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression: EXPRESSION } }));
      });
      return JSON.parse(JSON.parse(message.data).result.result.value);
    },
    close: () => socket.close(),
  };
}
