/**
 * Push messages of the open home, and what this device can do about them.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import type { PushNotification, PushState } from "@e2e-gateway/client";
import type { Connection } from "../../../connection/connection.ts";
import { useApp } from "../../../context.tsx";
import { HomePush } from "../../../push/home_push.ts";
import { type PushFault, pushFault } from "../../../push/push_fault.ts";
import type { PushMemory } from "../../../push/push_memory.ts";

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
  /** Removes a subscription of the key. */
  readonly remove: (id: string) => void;
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
  const app = useApp();
  const push = new HomePush(app, connection);
  const [state, setState] = useState<PushState | undefined>(undefined);
  const [memory, setMemory] = useState<PushMemory | undefined>(undefined);
  const [missed, setMissed] = useState<readonly PushNotification[]>([]);
  const [fault, setFault] = useState<PushFault | undefined>(undefined);
  const [isBusy, setIsBusy] = useState(false);

  async function refresh(): Promise<void> {
    setMemory(await push.recall());
    setState(await push.list());
    const missed = await push.missed();
    setMissed(missed);
    await push.markReported(missed);
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
      setFault(pushFault(error));
      return false;
    } finally {
      setIsBusy(false);
    }
  }

  async function markSeen(): Promise<void> {
    await push.markSeen(missed);
    setMissed([]);
  }

  const isLive = connection.status.value.kind === "live";
  useEffect(() => {
    void push.recall().then(setMemory);
    const report = (error: unknown) => setFault(pushFault(error));
    if (isLive) void push.keep().catch(report).then(refresh).catch(report);
  }, [connection, isLive]);

  return {
    ...{ state, memory, missed, fault, isBusy },
    turn: (isOn) => void attempt(() => isOn ? push.turnOn() : push.turnOff()),
    remove: (id) => void attempt(() => push.remove(id)),
    send: (fields, work) => attempt(() => connection.request({ service: "push", ...fields }, work)),
    markSeen: () => void markSeen(),
    refresh,
  };
}
