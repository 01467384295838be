import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { findNotifySockets, openServiceManager, type ServiceManagerPlatform } from "../../src/app/systemd.ts";
import type { Log } from "../../src/observability/log.ts";
import { until, within } from "../support/deadline.ts";

const UNDER_SYSTEMD = { NOTIFY_SOCKET: "/run/systemd/notify", RUNTIME_DIRECTORY: "/run/e2e-gateway" };

interface FakeSystemd {
  readonly env?: Readonly<Record<string, string>>;
  /** Sends a message; succeeds by default. */
  readonly send?: (text: string) => Promise<void>;
  readonly open?: () => void;
}

/** Fake systemd and file system that record notifications, operations and warnings. */
function fakeSystemd({ env = UNDER_SYSTEMD, send = () => Promise.resolve(), open = () => {} }: FakeSystemd = {}) {
  const sent: string[] = [];
  const targets = new Set<string>();
  const done: string[] = [];
  const warnings: string[] = [];
  const silent = () => {};
  const log: Log = {
    debug: silent,
    info: silent,
    warn: (text, properties) => void warnings.push(`${text} ${JSON.stringify(properties ?? {})}`),
    error: silent,
  };
  const variables: Readonly<Record<string, string>> = env;
  const platform: ServiceManagerPlatform = {
    env: (name) => variables[name],
    files: { remove: (path) => Promise.resolve(void done.push(`remove ${path}`)) },
    listenDatagram({ path }) {
      done.push(`open ${path}`);
      open();
      return {
        async send(bytes, to) {
          if ("path" in to) targets.add(to.path);
          const text = new TextDecoder().decode(bytes);
          await send(text);
          sent.push(text);
          return bytes.length;
        },
        close: () => void done.push("close"),
      };
    },
  };
  return { sent, targets, done, warnings, open: () => openServiceManager(platform, log) };
}

Deno.test("openServiceManager() opens and logs nothing when systemd expects no notifications", async () => {
  for (const env of [{}, { NOTIFY_SOCKET: "" }, { WATCHDOG_USEC: "1000", RUNTIME_DIRECTORY: "/run/x" }]) {
    const { sent, done, warnings, open } = fakeSystemd({ env });
    const manager = await open();
    manager.ready("Serves");
    manager.stopping();
    await manager.close();
    assertEquals([sent, done, warnings], [[], [], []]);
  }
});

Deno.test("openServiceManager() removes the socket of a gateway that was killed, and opens its own", async () => {
  const { done, open } = fakeSystemd();
  await (await open()).close();
  assertEquals(done, ["remove /run/e2e-gateway/notify.sock", "open /run/e2e-gateway/notify.sock", "close"]);
});

Deno.test("ready() sends the status on one line, so that it cannot be another assignment", async () => {
  const { sent, targets, open } = fakeSystemd();
  const manager = await open();
  manager.ready("Serves\nSTOPPING=1");
  await manager.close();
  assertEquals(sent, ["READY=1\nSTATUS=Serves STOPPING=1"]);
  assertEquals([...targets], ["/run/systemd/notify"]);
});

Deno.test("openServiceManager() sends to an abstract name", async () => {
  const { targets, open } = fakeSystemd({ env: { ...UNDER_SYSTEMD, NOTIFY_SOCKET: "@notify" } });
  const manager = await open();
  manager.ready("Serves");
  await manager.close();
  assertEquals([...targets], ["\0notify"]);
});

Deno.test("ready() begins the heartbeats, and close() ends them", async () => {
  const { sent, open } = fakeSystemd({ env: { ...UNDER_SYSTEMD, WATCHDOG_USEC: "10000" } });
  const manager = await open();
  assertEquals(sent, []);
  manager.ready("Serves");
  await until("three heartbeats", () => sent.filter((text) => text === "WATCHDOG=1").length >= 3);
  assertEquals(sent[0], "READY=1\nSTATUS=Serves");
  // Deno's sanitizer fails this test if the timer goes on.
  await manager.close();
});

Deno.test("ready() sends no heartbeat when the watchdog is off", async () => {
  for (const WATCHDOG_USEC of ["", "0", "-1", "1e3", "soon"]) {
    const { sent, open } = fakeSystemd({ env: { ...UNDER_SYSTEMD, WATCHDOG_USEC } });
    const manager = await open();
    manager.ready("Serves");
    // Deno's sanitizer fails this test if a timer was started.
    await manager.close();
    assertEquals(sent.length, 1, WATCHDOG_USEC);
  }
});

Deno.test("ready() does not flood systemd when its timeout is longer than a timer can be", async () => {
  const { sent, open } = fakeSystemd({ env: { ...UNDER_SYSTEMD, WATCHDOG_USEC: "18446744073709551614" } });
  const manager = await open();
  manager.ready("Serves");
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await until("time for twenty", () => ticks > 20);
  clearInterval(timer);
  await manager.close();
  assertEquals(sent.length, 1);
});

Deno.test("openServiceManager() keeps the order of notifications while one is pending", async () => {
  const first = Promise.withResolvers<void>();
  const { sent, open } = fakeSystemd({ send: (text) => text.startsWith("READY") ? first.promise : Promise.resolve() });
  const manager = await open();
  manager.ready("Serves");
  manager.stopping();
  first.resolve();
  await manager.close();
  assertEquals(sent, ["READY=1\nSTATUS=Serves", "STOPPING=1\nSTATUS=Stops"]);
});

Deno.test("openServiceManager() queues no heartbeat behind a pending one", async () => {
  const attempts: string[] = [];
  const never = Promise.withResolvers<void>();
  const { open } = fakeSystemd({
    env: { ...UNDER_SYSTEMD, WATCHDOG_USEC: "2000" },
    send: (text) => {
      attempts.push(text);
      return text === "WATCHDOG=1" ? never.promise : Promise.resolve();
    },
  });
  const manager = await open();
  manager.ready("Serves");
  await until("a heartbeat is pending", () => attempts.includes("WATCHDOG=1"));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await until("time for twenty more", () => ticks > 20);
  clearInterval(timer);
  never.resolve();
  await manager.close();
  assertEquals(attempts.filter((text) => text === "WATCHDOG=1").length, 1);
});

Deno.test("openServiceManager() warns once when notifications cannot be sent, and never throws", async () => {
  const { warnings, open } = fakeSystemd({
    send: () => Promise.reject(new Deno.errors.ConnectionRefused("No such socket")),
  });
  const manager = await open();
  manager.ready("Serves");
  manager.stopping();
  await manager.close();
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0] ?? "", "No such socket");
});

Deno.test("openServiceManager() warns when its socket cannot be opened, and never throws", async () => {
  const { sent, warnings, open } = fakeSystemd({
    open: () => {
      throw new Deno.errors.NotCapable("Requires net access");
    },
  });
  const manager = await open();
  manager.ready("Serves");
  await manager.close();
  assertEquals(sent, []);
  assertStringIncludes(warnings[0] ?? "", "Requires net access");
});

Deno.test("openServiceManager() names the missing option of the unit when there is no directory for its socket", async () => {
  const { done, warnings, open } = fakeSystemd({ env: { NOTIFY_SOCKET: "/run/systemd/notify" } });
  await (await open()).close();
  assertEquals(done, []);
  assertStringIncludes(warnings[0] ?? "", "RuntimeDirectory=");
});

Deno.test("close() does not wait for systemd when it hangs", async () => {
  const never = Promise.withResolvers<void>();
  const { done, open } = fakeSystemd({ send: () => never.promise });
  const manager = await open();
  manager.stopping();
  await within("close() settles", manager.close());
  assertEquals(done.at(-1), "close");
});

Deno.test("findNotifySockets() takes the first of several directories", () => {
  const env = (name: string) => ({ NOTIFY_SOCKET: "/run/n", RUNTIME_DIRECTORY: "/run/one:/run/two" })[name];
  assertEquals(findNotifySockets({ env }), { manager: "/run/n", own: "/run/one/notify.sock" });
});

Deno.test("findNotifySockets() never yields a path that could end a flag of the sandbox", () => {
  const path = fc.string({ unit: fc.constantFrom("/", "@", "a", " ", ",", "\n", "\t", ":", "-"), maxLength: 8 });
  fc.assert(fc.property(path, path, (NOTIFY_SOCKET, RUNTIME_DIRECTORY) => {
    const env = (name: string) => ({ NOTIFY_SOCKET, RUNTIME_DIRECTORY })[name];
    const sockets = findNotifySockets({ env });
    if (sockets === undefined) return;
    for (const text of [sockets.manager, sockets.own]) assertEquals(/^[/\0][^\s,]+$/.test(text), true, text);
  }));
});
