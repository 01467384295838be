/** An attack, and the requests that most of them are made of. */
import { setTimeout as pause } from "node:timers/promises";
import type { MqttClient } from "mqtt";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import type { Attacker, SendOptions } from "./attacker.ts";
import type { HostileServer } from "./hostile_server.ts";

/** Context of an attack. */
export interface AttackContext {
  /** Key holders with all rights, each at its own address. */
  readonly attackers: readonly Attacker[];
  /** Device at the broker. */
  readonly device: MqttClient;
  /** Result of Jeedom as JSON text, and its delay. */
  readonly jeedom: { result: string; delayMs: number };
  /** Server of the other services. */
  readonly server: Pick<HostileServer, "answer" | "webSocket">;
  /** Returns true while the attack runs. */
  isRunning(): boolean;
}

/** One attack. */
export interface Attack {
  readonly name: string;
  /** Broker of the gateway; Mosquitto with MQTT 5 by default. */
  readonly broker?: "MQTT 3.1.1" | "embedded";
  /** Number of attacking keys, each at its own address; 4 by default. */
  readonly keys?: number;
  run(context: AttackContext): Promise<void>;
}

/** Sends requests repeatedly, `concurrency` at a time from each attacker. */
export async function flood(
  { attackers, isRunning }: AttackContext,
  concurrency: number,
  { route, payload, ...options }: SendOptions & {
    readonly route: Route;
    readonly payload: (index: number) => Readonly<Record<string, unknown>>;
  },
): Promise<void> {
  let index = 0;
  await Promise.all(attackers.flatMap((attacker) =>
    Array.from({ length: concurrency }, async () => {
      while (isRunning()) {
        const { ended, close } = await attacker.send(route, payload(index++), options);
        await Promise.race([ended, pause(5000)]);
        close();
        await pause(50);
      }
    })
  ));
}

/** Subscription, and how its stream is read. */
export interface SubscribeOptions extends Pick<SendOptions, "version" | "readBytes"> {
  /** Route; that of MQTT by default. */
  readonly route?: Route;
  /** Longest time that a stream stays open, in milliseconds; 3 s by default. */
  readonly stayMs?: number;
  /** Fields of the request. */
  readonly topics?: readonly string[];
  readonly entities?: readonly string[];
  readonly service?: string;
  readonly batch?: boolean;
}

/** Subscribes repeatedly, with `streams` streams at a time for each attacker. */
export async function subscribe(
  context: AttackContext,
  streams: number,
  { route = "/mqtt/subscribe", stayMs = 3000, version = 2, readBytes = Infinity, ...payload }: SubscribeOptions,
): Promise<void> {
  await Promise.all(context.attackers.flatMap((attacker) =>
    Array.from({ length: streams }, async () => {
      while (context.isRunning()) {
        const stream = await attacker.send(route, payload, { version, readBytes });
        await Promise.race([stream.ended, pause(stayMs)]);
        stream.close();
        await pause(100);
      }
    })
  ));
}
