/** All that is tried to make a gateway take more memory than it has. */
import { Buffer } from "node:buffer";
import { setTimeout as pause } from "node:timers/promises";
import type { MqttClient } from "mqtt";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import type { Version } from "../../src/protocol/exchange.ts";
import type { Attacker, SendOptions } from "./attacker.ts";

const MEBIBYTE = 2 ** 20;

/** Where an attack takes place. */
export interface Scene {
  /** Holders of keys with all rights, each at an address of its own. */
  readonly attackers: readonly Attacker[];
  /** A device at the broker. */
  readonly device: MqttClient;
  /** What Jeedom answers to commands: the JSON text of the result, after so many milliseconds. */
  readonly jeedom: { result: string; delayMs: number };
  /** Whether the time of the attack is not over. */
  isOn(): boolean;
}

/** One way to make a gateway take memory. */
export interface Attack {
  readonly name: string;
  /** Which broker the gateway has; Mosquitto with MQTT 5 by default. */
  readonly broker?: "MQTT 3.1.1" | "embedded";
  run(scene: Scene): Promise<void>;
}

/** Sends the same kind of request again and again, from each attacker, so many at a time. */
async function flood(
  { attackers, isOn }: Scene,
  atOnce: number,
  { route, payload, ...options }: SendOptions & {
    readonly route: Route;
    readonly payload: (index: number) => Readonly<Record<string, unknown>>;
  },
): Promise<void> {
  let index = 0;
  await Promise.all(attackers.flatMap((attacker) =>
    Array.from({ length: atOnce }, async () => {
      while (isOn()) {
        const { ended, hangUp } = await attacker.send(route, payload(index++), options);
        await Promise.race([ended, pause(5000)]);
        hangUp();
        await pause(50);
      }
    })
  ));
}

/** JSON text of a string of so many bytes. */
const text = (bytes: number) => JSON.stringify("x".repeat(bytes));

/** The largest answer of Jeedom that is passed on, with room for what is around it. */
const LARGEST_RESULT = text(8 * MEBIBYTE - 200);

/** The longest text that a request of 1 MiB holds, sealed. */
const LARGEST_TEXT = 780_000;

const call = () => ({ jsonrpc: "eqLogic::all", params: {} });

/** Subscribes, so many streams for each attacker at a time, each for a while. */
async function subscribe(
  scene: Scene,
  streams: number,
  { topics, stayMs = 3000, ...options }: SendOptions & { readonly topics: readonly string[]; readonly stayMs?: number },
): Promise<void> {
  await Promise.all(scene.attackers.flatMap((attacker) =>
    Array.from({ length: streams }, async () => {
      while (scene.isOn()) {
        const stream = await attacker.send("/mqtt/subscribe", { topics }, options);
        await Promise.race([stream.ended, pause(stayMs)]);
        stream.hangUp();
        await pause(100);
      }
    })
  ));
}

/** Retains messages of 8 MiB. */
async function retain(device: MqttClient, count: number): Promise<void> {
  const payload = Buffer.alloc(8 * MEBIBYTE, "x");
  for (let index = 0; index < count; index++) {
    await device.publishAsync(`d/${index}`, payload, { retain: true, qos: 1 });
  }
}

function retained(broker: Attack["broker"], version: Version, readBytes: number): Attack {
  const where = broker ?? "MQTT 5";
  return {
    name: `3 × 8 MiB retained, 20 streams of each key, version ${version}, ${where}${
      readBytes === 0 ? ", unread" : ""
    }`,
    ...(broker === undefined ? {} : { broker }),
    async run(scene) {
      await retain(scene.device, 3);
      await subscribe(scene, 20, { topics: ["d/#"], version, readBytes });
    },
  };
}

function live(version: Version, readBytes: number): Attack {
  return {
    name: `Messages of 8 MiB as they happen, 20 streams of each key, version ${version}${
      readBytes === 0 ? ", unread" : ""
    }`,
    async run(scene) {
      const payload = Buffer.alloc(8 * MEBIBYTE, "x");
      const publishing = (async () => {
        while (scene.isOn()) await scene.device.publishAsync("d/live", payload, { qos: 1 }).catch(() => pause(100));
      })();
      await subscribe(scene, 20, { topics: ["d/#"], version, readBytes, stayMs: 10_000 });
      await publishing;
    },
  };
}

/** The attacks. */
export const ATTACKS: readonly Attack[] = [
  {
    name: "None: the phone alone",
    run: async ({ isOn }) => {
      while (isOn()) await pause(100);
    },
  },
  {
    name: "Jeedom's answers of 8 MiB, 60 requests of each key, read",
    async run(scene) {
      scene.jeedom.result = LARGEST_RESULT;
      await flood(scene, 60, { route: "/gateway", payload: call });
    },
  },
  {
    name: "The same, unread",
    async run(scene) {
      scene.jeedom.result = LARGEST_RESULT;
      await flood(scene, 60, { route: "/gateway", payload: call, readBytes: 0 });
    },
  },
  {
    name: "The same, all at the same moment",
    async run(scene) {
      scene.jeedom.result = LARGEST_RESULT;
      scene.jeedom.delayMs = 4000;
      await flood(scene, 60, { route: "/gateway", payload: call });
    },
  },
  {
    name: "The same, compressed",
    async run(scene) {
      scene.jeedom.result = LARGEST_RESULT;
      await flood(scene, 60, { route: "/gateway", payload: () => ({ ...call(), compress: "gzip" }) });
    },
  },
  {
    name: "Jeedom's answers of 8 MiB that are lists of numbers and small objects",
    async run(scene) {
      scene.jeedom.result = `[${Array(8 * MEBIBYTE / 8 - 100).fill('{"a":1}').join(",")}]`;
      await flood(scene, 30, {
        route: "/gateway",
        payload: () => ({ ...call(), jsonrpc: "event::changes", params: { longPolling: 0 } }),
      });
    },
  },
  {
    name: "Jeedom's answers of 8 MiB of empty lists",
    async run(scene) {
      scene.jeedom.result = `[${"[],".repeat(8 * MEBIBYTE / 3 - 100)}[]]`;
      await flood(scene, 30, { route: "/gateway", payload: call });
    },
  },
  {
    name: "Jeedom's answers of 8 MiB that are no ASCII",
    async run(scene) {
      scene.jeedom.result = JSON.stringify("é€".repeat((8 * MEBIBYTE - 200) / 5));
      await flood(scene, 60, { route: "/gateway", payload: call });
    },
  },
  {
    name: "Requests of 1 MiB that wait for Jeedom",
    async run(scene) {
      scene.jeedom.delayMs = 5000;
      await flood(scene, 60, {
        route: "/gateway",
        payload: () => ({ ...call(), params: { text: "x".repeat(LARGEST_TEXT) } }),
      });
    },
  },
  {
    name: "Requests of 1 MiB of small objects that wait for Jeedom",
    async run(scene) {
      scene.jeedom.delayMs = 5000;
      const list = Array(LARGEST_TEXT / 8).fill({ a: 1 });
      await flood(scene, 60, { route: "/gateway", payload: () => ({ ...call(), params: { list } }) });
    },
  },
  {
    name: "Requests of 1 MiB of empty lists that wait for Jeedom",
    async run(scene) {
      scene.jeedom.delayMs = 5000;
      const list = Array(LARGEST_TEXT / 3).fill([]);
      await flood(scene, 60, { route: "/gateway", payload: () => ({ ...call(), params: { list } }) });
    },
  },
  {
    name: "Requests of 1 MiB of exact numbers that wait for Jeedom",
    async run(scene) {
      scene.jeedom.delayMs = 5000;
      const list = `[${Array(LARGEST_TEXT / 4).fill("1.0").join(",")}]`;
      await flood(scene, 60, {
        route: "/gateway",
        payload: () => ({ ...call(), params: { list: "LIST" } }),
        edit: (json) => json.replace('"LIST"', list),
      });
    },
  },
  {
    name: "Messages of 780 KB published, 60 at a time with each key",
    run: (scene) =>
      flood(scene, 60, {
        route: "/mqtt/publish",
        payload: (index) => ({ topic: `p/${index % 100}`, message: "x".repeat(LARGEST_TEXT), qos: index % 3 }),
      }),
  },
  {
    name: "The same, with listeners to all of them",
    async run(scene) {
      await Promise.all([
        subscribe(scene, 15, { topics: ["#"], stayMs: 20_000 }),
        subscribe(scene, 5, { topics: ["#"], stayMs: 20_000, readBytes: 0 }),
        flood(scene, 20, {
          route: "/mqtt/publish",
          payload: (index) => ({ topic: `p/${index % 100}`, message: "x".repeat(LARGEST_TEXT), qos: 1 }),
        }),
      ]);
    },
  },
  {
    name: "The same, retained, embedded broker",
    broker: "embedded",
    async run(scene) {
      await Promise.all([
        subscribe(scene, 10, { topics: ["#"], stayMs: 3000 }),
        flood(scene, 10, {
          route: "/mqtt/publish",
          payload: (index) => ({ topic: `p/${index}`, message: "x".repeat(LARGEST_TEXT), qos: 1, retain: true }),
        }),
      ]);
    },
  },
  retained(undefined, 1, Infinity),
  retained(undefined, 2, Infinity),
  retained(undefined, 1, 0),
  retained(undefined, 2, 0),
  retained("MQTT 3.1.1", 1, Infinity),
  retained("MQTT 3.1.1", 2, Infinity),
  retained("embedded", 1, Infinity),
  retained("embedded", 2, Infinity),
  live(1, Infinity),
  live(1, 0),
  live(2, Infinity),
  live(2, 0),
  {
    name: "Streams whose 100 filters take 780 KB",
    async run(scene) {
      const filter = (index: number) => `${index}/${"x".repeat(LARGEST_TEXT / 100 - 10)}`;
      const topics = Array.from({ length: 100 }, (_, index) => filter(index));
      await subscribe(scene, 20, { topics, stayMs: 20_000 });
    },
  },
  {
    name: "An answer of 3 MB that is asked for again and again",
    async run(scene) {
      scene.jeedom.result = text(2_900_000);
      await Promise.all(scene.attackers.map(async (attacker) => {
        const json = JSON.stringify({ ...call(), timestamp: Date.now() / 1000 });
        const body = await attacker.seal("/gateway", json);
        await attacker.sendBody("/gateway", body).ended;
        await Promise.all(Array.from({ length: 60 }, async () => {
          while (scene.isOn()) {
            const { ended, hangUp } = attacker.sendBody("/gateway", body);
            await Promise.race([ended, pause(3000)]);
            hangUp();
            await pause(50);
          }
        }));
      }));
    },
  },
  {
    name: "Garbage of 1 MiB, 100 at a time from each of four addresses",
    async run({ attackers, isOn }) {
      const garbage = "A".repeat(MEBIBYTE);
      await Promise.all(attackers.flatMap((attacker) =>
        Array.from({ length: 100 }, async () => {
          while (isOn()) {
            await attacker.sendBody("/gateway", garbage).ended;
            await pause(50);
          }
        })
      ));
    },
  },
  {
    name: "Bodies of 1 MiB without their end, 100 from each of four addresses",
    async run({ attackers, isOn }) {
      const most = "A".repeat(MEBIBYTE - 1);
      await Promise.all(attackers.flatMap((attacker) =>
        Array.from({ length: 100 }, async () => {
          while (isOn()) {
            await attacker.sendBody("/gateway", most, { missing: 1 }).ended;
            await pause(50);
          }
        })
      ));
    },
  },
  {
    name: "All at once: answers of 8 and of 3 MiB, requests of small objects, messages, retained ones and streams",
    async run(scene) {
      await retain(scene.device, 3);
      const list = Array(LARGEST_TEXT / 8).fill({ a: 1 });
      scene.jeedom.result = text(2_900_000);
      // The memory of requests fills first.
      for (let round = 0; round < 6; round++) {
        await Promise.all(scene.attackers.map(async (attacker) => (await attacker.send("/gateway", call())).ended));
      }
      scene.jeedom.result = LARGEST_RESULT;
      scene.jeedom.delayMs = 1000;
      await Promise.all([
        flood(scene, 10, { route: "/gateway", payload: call }),
        flood(scene, 10, { route: "/gateway", payload: () => ({ ...call(), params: { list } }) }),
        flood(scene, 10, {
          route: "/mqtt/publish",
          payload: (index) => ({ topic: `p/${index % 100}`, message: "x".repeat(LARGEST_TEXT), qos: 1 }),
        }),
        subscribe(scene, 10, { topics: ["#"], version: 1 }),
        subscribe(scene, 10, { topics: ["#"], readBytes: 0 }),
      ]);
    },
  },
];
