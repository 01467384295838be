/** What can happen to the gateway itself. */
import { until } from "../../../tests/support/deadline.ts";
import { type Fault, untilFailing } from "../fault.ts";

/** How many connections are opened to a gateway that has room for a few. */
const CONNECTIONS = 200;

/** How many more files it may open, in the end. */
const ROOM = 6;

/** The gateway killed, restarted, and without descriptors. */
export const GATEWAY_FAULTS: readonly Fault[] = [
  {
    name: "gateway-killed",
    title: "Gateway killed, started again at the same port",
    async break(scene) {
      await scene.house.endGateway("SIGKILL");
      await untilFailing(scene, "messages");
      await untilFailing(scene, "commands");
      return () => scene.house.startGateway();
    },
  },
  {
    name: "gateway-killed-redis",
    title: "The same, with its memory in Redis",
    needs: ["redis"],
    house: { hasRedis: true },
    async break(scene) {
      await scene.house.endGateway("SIGKILL");
      await untilFailing(scene, "messages");
      return () => scene.house.startGateway();
    },
  },
  {
    name: "gateway-restarted",
    title: "Gateway stopped by SIGTERM under load, started again",
    async break({ house, load, complain }) {
      const code = await house.endGateway("SIGTERM");
      if (code !== 0) complain(`Gateway stopped with exit code ${code}`);
      const isTold = () => load.listeners.every(({ endings }) => endings.has("Gateway is shutting down"));
      await until("all streams are told that the gateway stops", isTold)
        .catch(({ message }: Error) => complain(message));
      return () => house.startGateway();
    },
  },
  {
    name: "descriptors",
    title: "File descriptors of the gateway exhausted",
    needs: ["prlimit"],
    async break({ house: { gateway } }) {
      const before = await limitOf(gateway.pid);
      const open = [...Deno.readDirSync(`/proc/${gateway.pid}/fd`)].length;
      await setLimit(gateway.pid, `${open + ROOM}`);
      const { port } = new URL(gateway.url);
      const connections: Deno.Conn[] = [];
      const tries = Array.from({ length: CONNECTIONS }, async () => {
        connections.push(await Deno.connect({ hostname: "127.0.0.1", port: Number(port) }));
      });
      await Promise.allSettled(tries);
      await until("the gateway has no descriptor left", () => gateway.output.text.includes("Listening broke off"));
      await until("a new phone is not served", async () => !await isServed(gateway.url));
      return async () => {
        for (const connection of connections) connection.close();
        await setLimit(gateway.pid, before);
        await until("a new phone is served", () => isServed(gateway.url));
      };
    },
  },
];

/** Whether somebody is answered who has no connection yet. */
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

/** Sets the soft limit alone, so that nobody needs to be root to put it back. */
async function setLimit(pid: number, soft: string): Promise<void> {
  const { success } = await new Deno.Command("prlimit", { args: ["--pid", `${pid}`, `--nofile=${soft}:`] }).output();
  if (!success) throw new Error(`Limit cannot be set: ${soft}`);
}
