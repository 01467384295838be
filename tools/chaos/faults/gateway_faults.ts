/** Faults of the gateway itself. */
import { until } from "../../../tests/support/deadline.ts";
import { type Fault, untilFailing } from "../fault.ts";

/** Connections opened to a gateway with few free descriptors. */
const CONNECTIONS = 200;

/** Descriptors that it may still open. */
const FREE_DESCRIPTORS = 6;

/** Gateway killed, restarted, and without free descriptors. */
export const GATEWAY_FAULTS: readonly Fault[] = [
  {
    name: "gateway-killed",
    title: "Gateway killed and restarted at the same port",
    async inject(context) {
      await context.environment.stopGateway("SIGKILL");
      await untilFailing(context, "messages");
      await untilFailing(context, "commands");
      return () => context.environment.startGateway();
    },
  },
  {
    name: "gateway-killed-redis",
    title: "Gateway killed and restarted, with its replay store in Redis",
    needs: ["redis"],
    environment: { hasRedis: true },
    async inject(context) {
      await context.environment.stopGateway("SIGKILL");
      await untilFailing(context, "messages");
      return () => context.environment.startGateway();
    },
  },
  {
    name: "gateway-restarted",
    title: "Gateway stopped by SIGTERM under load and restarted",
    async inject({ environment, load, fail }) {
      const code = await environment.stopGateway("SIGTERM");
      if (code !== 0) fail(`Gateway stopped with exit code ${code}`);
      const haveEnded = () => load.listeners.every(({ endMessages }) => endMessages.has("Gateway is shutting down"));
      await until("all streams have ended with the shutdown message", haveEnded)
        .catch(({ message }: Error) => fail(message));
      return () => environment.startGateway();
    },
  },
  {
    name: "descriptors",
    title: "File descriptors of the gateway exhausted",
    needs: ["prlimit"],
    async inject({ environment: { gateway } }) {
      const before = await limitOf(gateway.pid);
      const open = [...Deno.readDirSync(`/proc/${gateway.pid}/fd`)].length;
      await setLimit(gateway.pid, `${open + FREE_DESCRIPTORS}`);
      const { port } = new URL(gateway.url);
      const connections: Deno.Conn[] = [];
      const attempts = Array.from({ length: CONNECTIONS }, async () => {
        connections.push(await Deno.connect({ hostname: "127.0.0.1", port: Number(port) }));
      });
      await Promise.allSettled(attempts);
      await until("the gateway has no free descriptor", () => gateway.output.text.includes("Listening failed"));
      await until("a new client is not served", async () => !await isServed(gateway.url));
      return async () => {
        for (const connection of connections) connection.close();
        await setLimit(gateway.pid, before);
        await until("a new client is served", () => isServed(gateway.url));
      };
    },
  },
];

/** Returns whether a new connection is served. */
async function isServed(url: string): Promise<boolean> {
  using client = Deno.createHttpClient({});
  try {
    const response = await fetch(`${url}/health`, { client, signal: AbortSignal.timeout(500) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

async function limitOf(pid: number): Promise<string> {
  const limits = await Deno.readTextFile(`/proc/${pid}/limits`);
  return /^Max open files +(\d+)/m.exec(limits)?.[1] ?? "unlimited";
}

/** Sets the soft limit only, which can be raised again without root. */
async function setLimit(pid: number, soft: string): Promise<void> {
  const { success } = await new Deno.Command("prlimit", { args: ["--pid", `${pid}`, `--nofile=${soft}:`] }).output();
  if (!success) throw new Error(`Cannot set the limit: ${soft}`);
}
