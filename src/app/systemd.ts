/**
 * Notifications for systemd (sd_notify(3)): ready, watchdog, stopping. Does nothing where systemd expects none, and never
 * fails the gateway.
 *
 * @module
 */
import { Mutex, settledWithin } from "../lib/async.ts";
import { errorText } from "../lib/errors.ts";
import type { Log } from "../observability/log.ts";
import type { NotifyPaths } from "../config/sandbox.ts";

/** Receiver of the gateway's notifications. */
export interface ServiceManager {
  /**
   * Notifies that the gateway is ready, with a line for `systemctl status`, and sends heartbeats from then on. Call it
   * once.
   */
  ready(status: string): void;
  /** Notifies that the gateway is stopping. */
  stopping(): void;
  /** Waits for pending notifications, ends the heartbeats, and closes the socket. */
  close(): Promise<void>;
}

/** Part of the platform that notifications need. */
export interface ServiceManagerPlatform {
  /** Files, for removing the socket of a gateway that was killed. */
  readonly files: Pick<typeof Deno, "remove">;
  /** Reads an environment variable. */
  env(name: string): string | undefined;
  /** Opens a datagram socket. */
  listenDatagram(
    options: Deno.UnixListenOptions & { transport: "unixpacket" },
  ): Pick<Deno.DatagramConn, "send" | "close">;
}

/** Longest wait for pending notifications at the end, in milliseconds: systemd may hang. */
const CLOSE_TIMEOUT_MS = 500;

const NO_SERVICE_MANAGER: ServiceManager = {
  ready: () => {},
  stopping: () => {},
  close: () => Promise.resolve(),
};

/**
 * Finds the sockets of systemd and of the gateway; undefined if systemd expects no notifications, or the gateway cannot
 * send any. Never throws: the sandbox's flags are computed from it before there is a log.
 */
export function findNotifySockets({ env }: Pick<ServiceManagerPlatform, "env">): NotifyPaths | undefined {
  const address = env("NOTIFY_SOCKET") ?? "";
  const [directory = ""] = (env("RUNTIME_DIRECTORY") ?? "").split(":");
  // White space would end a flag of the sandbox, and a comma an entry in it.
  if (!/^[/@][^\s,]+$/.test(address) || !/^\/[^\s,]+$/.test(directory)) return undefined;
  // The name of an abstract socket begins with NUL. Deno can send only from a socket that has a name itself.
  return { manager: address.replace(/^@/, "\0"), own: `${directory}/notify.sock` };
}

/** Opens the connection to systemd. A failure becomes a warning in the log, and no notifications are sent. */
export async function openServiceManager(platform: ServiceManagerPlatform, log: Log): Promise<ServiceManager> {
  if ((platform.env("NOTIFY_SOCKET") ?? "") === "") return NO_SERVICE_MANAGER;
  const sockets = findNotifySockets(platform);
  if (sockets === undefined) {
    log.warn(
      "systemd is not notified: add RuntimeDirectory= to the unit, and use no white space or comma in either path",
    );
    return NO_SERVICE_MANAGER;
  }
  try {
    // A gateway that was killed leaves its socket behind, and its name can be used only once.
    await platform.files.remove(sockets.own).catch(() => {});
    const socket = platform.listenDatagram({ transport: "unixpacket", path: sockets.own });
    return createServiceManager(socket, { manager: sockets.manager, watchdogMs: watchdogMs(platform), log });
  } catch (error) {
    log.warn("systemd is not notified: {reason}", { reason: errorText(error) });
    return NO_SERVICE_MANAGER;
  }
}

/** Returns the watchdog's timeout, in milliseconds; undefined if it is off. */
function watchdogMs({ env }: Pick<ServiceManagerPlatform, "env">): number | undefined {
  const text = env("WATCHDOG_USEC") ?? "";
  // At most the longest time of a timer.
  return /^[1-9]\d*$/.test(text) ? Math.min(Number(text) / 1000, 2 ** 31 - 1) : undefined;
}

interface ServiceManagerOptions extends Pick<NotifyPaths, "manager"> {
  readonly watchdogMs: number | undefined;
  readonly log: Log;
}

function createServiceManager(
  socket: Pick<Deno.DatagramConn, "send" | "close">,
  { manager, watchdogMs, log }: ServiceManagerOptions,
): ServiceManager {
  // Notifications keep their order: READY=1 after STOPPING=1 would be wrong.
  const mutex = new Mutex();
  let pending = 0;
  let lastSent = Promise.resolve();
  let lastWarning: string | undefined;
  let heartbeat: ReturnType<typeof setInterval> | undefined;

  function notify(text: string): void {
    pending++;
    lastSent = mutex.runExclusive(() => send(text));
  }

  async function send(text: string): Promise<void> {
    try {
      await socket.send(new TextEncoder().encode(text), { transport: "unixpacket", path: manager });
      lastWarning = undefined;
    } catch (error) {
      const reason = errorText(error);
      if (reason !== lastWarning) log.warn("systemd could not be notified: {reason}", { reason });
      lastWarning = reason;
    } finally {
      pending--;
    }
  }

  return {
    ready(status) {
      // A line break would begin another assignment.
      notify(`READY=1\nSTATUS=${status.replace(/\s+/g, " ")}`);
      if (watchdogMs === undefined) return;
      // From a timer, so that a blocked event loop sends none; and none while another notification is pending.
      heartbeat = setInterval(() => pending === 0 && notify("WATCHDOG=1"), watchdogMs / 2);
    },
    stopping: () => notify("STOPPING=1\nSTATUS=Stops"),
    async close() {
      clearInterval(heartbeat);
      await settledWithin(lastSent, CLOSE_TIMEOUT_MS);
      socket.close();
    },
  };
}
