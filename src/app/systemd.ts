/**
 * Tells the service manager (systemd, in the words of sd_notify(3)) that the gateway is ready, that it lives, and that
 * it stops. Without a service manager that wants to know, all of it goes nowhere. It never fails the gateway.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import type { Log } from "../observability/log.ts";
import type { NotifyPaths } from "../config/sandbox.ts";
import { settledWithin } from "../lib/async.ts";

/** What the service manager learns. */
export interface ServiceManager {
  /**
   * Tells that the gateway serves, with a line for `systemctl status`; and from then on, again and again, that it lives. To
   * be called once.
   */
  ready(status: string): void;
  /** Tells that the gateway has begun to stop. */
  stopping(): void;
  /** Lets what was told go out, ends the signs of life, and closes the socket. */
  close(): Promise<void>;
}

/** The part of the machine that telling takes. */
export interface ServiceManagerPlatform {
  /** Files, for the socket that a gateway left behind. */
  readonly files: Pick<typeof Deno, "remove">;
  /** Reads an environment variable. */
  env(name: string): string | undefined;
  /** Opens a socket that sends single messages. */
  listenDatagram(
    options: Deno.UnixListenOptions & { transport: "unixpacket" },
  ): Pick<Deno.DatagramConn, "send" | "close">;
}

/** Longest wait for the last words, in milliseconds: a service manager that hangs must not keep the gateway. */
const FAREWELL_MS = 500;

const SILENT: ServiceManager = {
  ready: () => {},
  stopping: () => {},
  close: () => Promise.resolve(),
};

/**
 * Finds the sockets; undefined when there is no service manager that wants to be told, or none that can be. Never throws:
 * the sandbox is made from it before there is a log.
 */
export function findNotifySockets({ env }: Pick<ServiceManagerPlatform, "env">): NotifyPaths | undefined {
  const address = env("NOTIFY_SOCKET") ?? "";
  const [directory = ""] = (env("RUNTIME_DIRECTORY") ?? "").split(":");
  // White space and commas would end a word, and an entry, in the flags of the sandbox.
  if (!/^[/@][^\s,]+$/.test(address) || !/^\/[^\s,]+$/.test(directory)) return undefined;
  // An abstract socket's name begins with a NUL character; and Deno sends from a socket with a name only.
  return { manager: address.replace(/^@/, "\0"), own: `${directory}/notify.sock` };
}

/** Opens the line to the service manager. What is wrong with it becomes a warning, and nothing is told then. */
export async function openServiceManager(platform: ServiceManagerPlatform, log: Log): Promise<ServiceManager> {
  if ((platform.env("NOTIFY_SOCKET") ?? "") === "") return SILENT;
  const sockets = findNotifySockets(platform);
  if (sockets === undefined) {
    log.warn(
      "Service manager is told nothing: the unit needs RuntimeDirectory=, and both paths no white space or comma",
    );
    return SILENT;
  }
  try {
    // A gateway that was killed leaves its socket behind, and a name can be taken once only.
    await platform.files.remove(sockets.own).catch(() => {});
    const socket = platform.listenDatagram({ transport: "unixpacket", path: sockets.own });
    return createServiceManager(socket, { manager: sockets.manager, watchdogMs: watchdogMs(platform), log });
  } catch (error) {
    log.warn("Service manager is told nothing: {reason}", { reason: reasonOf(error) });
    return SILENT;
  }
}

/** How long the service manager waits for a sign of life, in milliseconds; undefined when it does not wait for any. */
function watchdogMs({ env }: Pick<ServiceManagerPlatform, "env">): number | undefined {
  const text = env("WATCHDOG_USEC") ?? "";
  // No timer can be longer.
  return /^[1-9]\d*$/.test(text) ? Math.min(Number(text) / 1000, 2 ** 31 - 1) : undefined;
}

function createServiceManager(
  socket: Pick<Deno.DatagramConn, "send" | "close">,
  { manager, watchdogMs, log }: Pick<NotifyPaths, "manager"> & {
    readonly watchdogMs: number | undefined;
    readonly log: Log;
  },
): ServiceManager {
  let told: string | undefined;
  let waiting = 0;
  let last = Promise.resolve();
  let timer: ReturnType<typeof setInterval> | undefined;

  async function send(text: string): Promise<void> {
    try {
      await socket.send(new TextEncoder().encode(text), { transport: "unixpacket", path: manager });
      told = undefined;
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== told) log.warn("Service manager could not be told: {reason}", { reason });
      told = reason;
    } finally {
      waiting--;
    }
  }

  /** One after the other: READY=1 after STOPPING=1 would be wrong. */
  function tell(text: string): void {
    waiting++;
    last = last.then(() => send(text));
  }

  return {
    ready(status) {
      // A line break would begin another assignment.
      tell(`READY=1\nSTATUS=${status.replace(/\s+/g, " ")}`);
      if (watchdogMs === undefined) return;
      // From a timer: a gateway whose event loop is stuck falls silent. While a message waits, another adds nothing.
      timer = setInterval(() => waiting === 0 && tell("WATCHDOG=1"), watchdogMs / 2);
    },
    stopping: () => tell("STOPPING=1\nSTATUS=Stops"),
    async close() {
      clearInterval(timer);
      await settledWithin(last, FAREWELL_MS);
      socket.close();
    },
  };
}

function reasonOf(error: unknown): string {
  return errorText(error);
}
