/**
 * One listener of a hub.
 *
 * @module
 */
import type { QoS } from "./broker.ts";
import type { Listener } from "./listener.ts";
import type { Subscription } from "./subscription.ts";

/** A listener, and how far it has come. */
export interface Member {
  /** Who it is. */
  readonly listener: Listener;
  /** The subscriptions of its filters. */
  subscriptions: readonly Subscription<Member>[];
  /** `joining` until the broker grants its filters; `away` while the broker is. */
  state: "joining" | "listening" | "away" | "gone";
  /** The last message that was considered for it: one that matches several of its filters is one. */
  considered: number;
}

/** Tells whether it hears what comes. */
export function isListening({ state }: Member): boolean {
  return state === "listening";
}

/** The highest quality of service that any of some members asks for. */
export function highestQos(members: ReadonlySet<Member>): QoS {
  let highest: QoS = 0;
  for (const { listener: { qos } } of members) if (qos > highest) highest = qos;
  return highest;
}
