import { assertEquals } from "@std/assert";
import { listen } from "../../src/app/listen.ts";
import type { Platform } from "../../src/platform.ts";
import type { Log } from "../../src/observability/log.ts";
import { until } from "../support/deadline.ts";

Deno.test("listen() listens again on its port when the server breaks off, until it is shut down", async () => {
  const breakOff: ((error: Error) => void)[] = [];
  const ports: number[] = [];
  const serve: Platform["serve"] = (...words: unknown[]) => {
    const { port } = Object(words[0]);
    ports.push(port);
    const { promise, reject } = Promise.withResolvers<void>();
    breakOff.push(reject);
    return Object.assign(Object.create(null), {
      addr: { port: 4711 },
      finished: promise,
      shutdown: () => Promise.resolve(),
    });
  };
  const told: string[] = [];
  const tell = (message: string) => void told.push(message);
  const log: Log = { debug: tell, info: tell, warn: tell, error: tell };
  const handler = () => Promise.resolve(new Response());
  const server = listen({ serve }, { hostname: "127.0.0.1", port: 0 }, handler, log);
  assertEquals(server.port, 4711);
  breakOff[0]?.(new Error("Too many open files"));
  await until("listening again", () => ports.length === 2);
  assertEquals(ports, [0, 4711]);
  assertEquals(told, ["Listening broke off: {error}", "Listening again on port {port}"]);
  await server.shutdown();
});
