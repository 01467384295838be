import { assertEquals, assertThrows } from "@std/assert";
import { assertPortFree, listen, openPort, PortTakenError } from "../../src/app/listen.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { Platform } from "../../src/platform.ts";
import type { Log } from "../../src/observability/log.ts";
import { until } from "../support/deadline.ts";

Deno.test("listen() listens again on its port when the server fails, until it is shut down", async () => {
  const fail: ((error: Error) => void)[] = [];
  const ports: number[] = [];
  const serve: Platform["serve"] = (...args: unknown[]) => {
    const { port } = Object(args[0]);
    ports.push(port);
    const { promise, reject } = Promise.withResolvers<void>();
    fail.push(reject);
    return Object.assign(Object.create(null), {
      addr: { port: 4711 },
      finished: promise,
      shutdown: () => Promise.resolve(),
    });
  };
  const messages: string[] = [];
  const record = (message: string) => void messages.push(message);
  const log: Log = { debug: record, info: record, warn: record, error: record };
  const handler = () => Promise.resolve(new Response());
  const server = listen({ serve }, { hostname: "127.0.0.1", port: 0 }, handler, log);
  assertEquals(server.port, 4711);
  fail[0]?.(new Error("Too many open files"));
  await until("listening again", () => ports.length === 2);
  assertEquals(ports, [0, 4711]);
  assertEquals(messages, ["Listening failed: {error}", "Listening again on port {port}"]);
  await server.shutdown();
});

Deno.test("openPort() names the setting of a port that is taken, and passes on every other error", () => {
  const config = parseConfig({});
  const opening = (error: Error) => () => {
    throw error;
  };
  for (const error of [new Deno.errors.AddrInUse("x"), new Deno.errors.AddrNotAvailable("x")]) {
    let caught: unknown;
    try {
      openPort("METRICS_PORT", config, opening(error));
    } catch (thrown) {
      caught = thrown;
    }
    if (error instanceof Deno.errors.AddrInUse) assertEquals(caught instanceof PortTakenError, true);
    else assertEquals(caught, error);
  }
  assertThrows(
    () => openPort("PORT", parseConfig({ PORT: "443" }), opening(new Deno.errors.PermissionDenied("x"))),
    Error,
    "Ports below 1024 belong to the system: set PORT to a higher one, not 443",
  );
  assertEquals(openPort("PORT", config, () => 1), 1);
});

Deno.test("assertPortFree() throws while another program listens on the public port, and leaves it free", () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const config = parseConfig({ HOST: "127.0.0.1", PORT: String(taken.addr.port) });
  assertThrows(() => assertPortFree(config, Deno), PortTakenError, "PORT is taken");
  taken.close();
  for (let time = 0; time < 2; time++) assertPortFree(config, Deno);
});
