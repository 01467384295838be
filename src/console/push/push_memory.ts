/**
 * What this device remembers of the push messages of a home.
 *
 * @module
 */
import { isObject } from "../../lib/json.ts";
import type { Home } from "../homes/home.ts";
import type { HomeStore } from "../homes/home_store.ts";

/** Push messages of a home on this device. */
export interface PushMemory {
  /** True if they are wanted. */
  readonly isOn: boolean;
  /** Id of the subscription at the gateway. */
  readonly id?: string | undefined;
  /** Endpoint that the gateway has. Secret. */
  readonly endpoint?: string | undefined;
  /** Time until which alerts are known, in seconds since 1970. */
  readonly seenUntil: number;
  /** Time until which missed alerts were reported, in seconds since 1970; they are listed until they are seen. */
  readonly reportedUntil: number;
}

const OFF: PushMemory = { isOn: false, seenUntil: 0, reportedUntil: 0 };

/** Returns what is remembered for a home. */
export async function recallPush(store: Pick<HomeStore, "recall">, home: Home): Promise<PushMemory> {
  return readPushMemory(await store.recall(home, "push"));
}

/** Changes it in one step, as other tabs and the service worker change it, too. */
export async function changePush(
  store: Pick<HomeStore, "change">,
  home: Home,
  change: (memory: PushMemory) => PushMemory,
): Promise<void> {
  await store.change(home, "push", (value) => change(readPushMemory(value)));
}

/** Reads a memory, as another version of the page may have written it. */
export function readPushMemory(value: unknown): PushMemory {
  if (!isObject(value)) return OFF;
  const { isOn, id, endpoint, seenUntil, reportedUntil } = value;
  return {
    isOn: isOn === true,
    id: typeof id === "string" ? id : undefined,
    endpoint: typeof endpoint === "string" ? endpoint : undefined,
    seenUntil: typeof seenUntil === "number" ? seenUntil : 0,
    reportedUntil: typeof reportedUntil === "number" ? reportedUntil : 0,
  };
}
