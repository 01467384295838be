/** Incomplete requests take all descriptors of the process, under the limits of the systemd unit. */
import { assert, assertEquals } from "@std/assert";
import { openDescriptors, rssBytes } from "../../tools/support/process_stats.ts";
import { until, within } from "../support/deadline.ts";
import { IS_LINUX, needing } from "../support/needs.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";
import { hasProgram } from "../support/programs.ts";

const UNIT = new URL("../../systemd/e2e-gateway.service", import.meta.url);

const hasPrlimit = Deno.build.os === "linux" && await hasProgram("prlimit");

/** Returns a setting of the unit as a number; in bytes if it has an M. */
async function unitNumber(name: string): Promise<number> {
  const [, digits, unit] = new RegExp(`^${name}=(\\d+)(M?)$`, "m").exec(await Deno.readTextFile(UNIT)) ?? [];
  return Number(digits) * (unit === "M" ? 2 ** 20 : 1);
}

/** Longest incomplete head that Deno accepts. */
const ENDLESS_HEAD = new TextEncoder().encode(
  "POST /gateway HTTP/1.1\r\nHost: g\r\n" +
    Array.from({ length: 60 }, (_, index) => `X-${index}: ${"a".repeat(1030)}\r\n`).join(""),
);

/** Sends an incomplete head in pieces over its own connection; returns undefined if the gateway does not accept it. */
async function openEndless(port: number): Promise<Deno.TcpConn | undefined> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
  if (connection === undefined) return undefined;
  const sent = (async () => {
    for (let at = 0; at < ENDLESS_HEAD.length;) at += await connection.write(ENDLESS_HEAD.subarray(at, at + 9000));
  })();
  // A connection in the listen backlog only accepts what fits into the buffers of the kernel.
  const { promise: tooSlow, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, 2000);
  await Promise.race([sent.catch(() => {}), tooSlow]);
  clearTimeout(timer);
  return connection;
}

Deno.test(
  needing(
    "a gateway without free descriptors because of incomplete heads stays within the unit's memory, and serves again",
    { Linux: IS_LINUX, prlimit: hasPrlimit },
  ),
  async () => {
    const descriptors = await unitNumber("LimitNOFILE");
    const memoryMax = await unitNumber("MemoryMax");
    const gateway = await startGatewayProcess();
    const connections: Deno.TcpConn[] = [];
    try {
      const args = ["--pid", String(gateway.pid), `--nofile=${descriptors}:${descriptors}`];
      assertEquals((await new Deno.Command("prlimit", { args }).output()).code, 0);
      const port = Number(new URL(gateway.url).port);
      // Somewhat more than it can accept.
      while (connections.length < descriptors + 100) {
        const some = await Promise.all(Array.from({ length: 50 }, () => openEndless(port)));
        connections.push(...some.filter((connection) => connection !== undefined));
        if (some.includes(undefined)) break;
      }
      await until("all descriptors are in use", async () => await openDescriptors(gateway.pid) > descriptors - 100);
      const rss = await rssBytes(gateway.pid);
      assert(rss < memoryMax, `RSS of ${Math.round(rss / 2 ** 20)} MB`);
      for (const connection of connections.splice(0)) connection.close();
      await until("a request is served again", async () => {
        const { status } = await gateway.client.publish("t", "m").catch(() => ({ status: 0 }));
        return status === 200;
      }, 60_000);
    } finally {
      for (const connection of connections) connection.close();
      await within("the end", gateway.stop(), 20_000);
    }
  },
);
