/**
 * Push messages of the open home, and what this device can do about them.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { GatewayError, type PushNotification, type PushState } from "@e2e-gateway/client";
import type { Connection } from "../../../connection/connection.ts";
import { useApp } from "../../../context.tsx";
import { connectionPush, gatewayTime } from "../../../push/connection_push.ts";
import { missedAlerts, seenUntilOf } from "../../../push/missed_alerts.ts";
import { type PushMemory, recallPush, rememberPush } from "../../../push/push_memory.ts";
import {
  type BrowserPush,
  register,
  RegistrationError,
  type RegistrationFault,
  unregister,
} from "../../../push/registration.ts";
import { shownIds } from "../../../push/shown_ids.ts";

/** Reason for which something did not succeed: of this page, or in the words of the gateway. */
export type PushFault =
  | { readonly kind: RegistrationFault | "denied" | "browser" | "worker" | "too_old" | "unavailable" }
  | { readonly kind: "gateway"; readonly text: string };

/** Push messages, as far as they are known. */
export interface KnownPush {
  /** What the gateway has; undefined until it answers. */
  readonly state: PushState | undefined;
  /** What this device remembers; undefined until it is read. */
  readonly memory: PushMemory | undefined;
  /** Alerts that were missed, the newest first. */
  readonly missed: readonly PushNotification[];
  /** Reason for which the last attempt failed. */
  readonly fault: PushFault | undefined;
  /** True while something is being done. */
  readonly isBusy: boolean;
  /** Turns the notifications on this device on or off. */
  readonly turn: (isOn: boolean) => void;
  /** Sends a request, and asks what the gateway has afterwards. */
  readonly send: (
    fields: Readonly<Record<string, unknown>>,
    work: Parameters<typeof Connection.prototype.request<unknown>>[1],
  ) => Promise<boolean>;
  /** Marks the missed alerts as seen. */
  readonly markSeen: () => void;
  /** Asks the gateway again. */
  readonly refresh: () => Promise<void>;
}

/** Returns the push messages of a home. */
export function usePush(connection: Connection): KnownPush {
  const { store, browser: { openPush, label, now } } = useApp();
  const { home } = connection;
  const [state, setState] = useState<PushState | undefined>(undefined);
  const [memory, setMemory] = useState<PushMemory | undefined>(undefined);
  const [missed, setMissed] = useState<readonly PushNotification[]>([]);
  const [fault, setFault] = useState<PushFault | undefined>(undefined);
  const [isBusy, setIsBusy] = useState(false);
  const gateway = connectionPush(connection);

  async function refresh(): Promise<void> {
    const remembered = await recallPush(store, home);
    setMemory(remembered);
    setState(await gateway.push());
    if (!remembered.isOn) return setMissed([]);
    const { seenUntil } = remembered;
    const fields = { service: "push", alerts: { since: seenUntil } };
    const alerts = await connection.request(fields, (client) => client.pushAlerts(seenUntil));
    setMissed(missedAlerts(alerts, { seenUntil, shown: await shownIds(store, home) }));
  }

  /** Does something, and tells why it did not succeed. */
  async function attempt(work: () => Promise<unknown>): Promise<boolean> {
    setIsBusy(true);
    setFault(undefined);
    try {
      await work();
      await refresh();
      return true;
    } catch (error) {
      setFault(faultOf(error));
      return false;
    } finally {
      setIsBusy(false);
    }
  }

  async function turn(isOn: boolean): Promise<void> {
    if (isOn && await Notification.requestPermission() !== "granted") throw new PermissionError();
    const browser = await openPush();
    if (browser === undefined) throw new WorkerError();
    await (isOn ? register : unregister)(optionsWith(browser));
  }

  const optionsWith = (browser: BrowserPush) => {
    return { home, store, gateway, browser, label, now: () => gatewayTime(connection, now()) };
  };

  /** Registers this device again where its subscription is gone, so that the list has it. */
  async function keep(): Promise<void> {
    const browser = await openPush();
    if (browser !== undefined && (await recallPush(store, home)).isOn) await register(optionsWith(browser));
  }

  async function markSeen(): Promise<void> {
    const remembered = await recallPush(store, home);
    await rememberPush(store, home, { ...remembered, seenUntil: seenUntilOf(missed, remembered.seenUntil) });
    setMissed([]);
  }

  const isLive = connection.status.value.kind === "live";
  useEffect(() => {
    void recallPush(store, home).then(setMemory);
    const tell = (error: unknown) => setFault(faultOf(error));
    if (isLive) void keep().catch(tell).then(refresh).catch(tell);
  }, [connection, isLive]);

  return {
    ...{ state, memory, missed, fault, isBusy },
    turn: (isOn) => void attempt(() => turn(isOn)),
    send: (fields, work) => attempt(() => connection.request({ service: "push", ...fields }, work)),
    markSeen: () => void markSeen(),
    refresh,
  };
}

class PermissionError extends Error {}

class WorkerError extends Error {}

function faultOf(error: unknown): PushFault {
  if (error instanceof PermissionError) return { kind: "denied" };
  if (error instanceof WorkerError) return { kind: "worker" };
  if (error instanceof RegistrationError) return { kind: error.reason };
  if (error instanceof DOMException) return { kind: error.name === "NotAllowedError" ? "denied" : "browser" };
  if (!(error instanceof GatewayError)) throw error;
  if (error.gatewayCode === "unknown_service") return { kind: "too_old" };
  return error.gatewayCode === undefined ? { kind: "unavailable" } : { kind: "gateway", text: error.message };
}
