/** Attacks on the memory of a gateway. */
import { Buffer } from "node:buffer";
import { setTimeout as pause } from "node:timers/promises";
import type { MqttClient } from "mqtt";
import type { Version } from "../../src/protocol/exchange.ts";
import { type Attack, flood, subscribe } from "./attack.ts";
import { SERVICE_ATTACKS } from "./service_attacks.ts";

const MEBIBYTE = 2 ** 20;

/** Returns the JSON text of a string of so many bytes. */
const text = (bytes: number) => JSON.stringify("x".repeat(bytes));

/** Result of the largest answer of Jeedom that the gateway accepts. */
const LARGEST_RESULT = text(8 * MEBIBYTE - 200);

/** Length of the longest text in a sealed request of 1 MiB. */
const LARGEST_TEXT = 780_000;

const call = () => ({ jsonrpc: "eqLogic::all", params: {} });

/** Publishes retained messages of 8 MiB. */
async function retain(device: MqttClient, count: number): Promise<void> {
  const payload = Buffer.alloc(8 * MEBIBYTE, "x");
  for (let index = 0; index < count; index++) {
    await device.publishAsync(`d/${index}`, payload, { retain: true, qos: 1 });
  }
}

function retained(broker: Attack["broker"], version: Version, readBytes: number): Attack {
  const brokerName = broker ?? "MQTT 5";
  return {
    name: `3 × 8 MiB retained, 20 streams of each key, version ${version}, ${brokerName}${
      readBytes === 0 ? ", unread" : ""
    }`,
    ...(broker === undefined ? {} : { broker }),
    async run(context) {
      await retain(context.device, 3);
      await subscribe(context, 20, { topics: ["d/#"], version, readBytes });
    },
  };
}

function live(version: Version, readBytes: number): Attack {
  return {
    name: `Messages of 8 MiB as they happen, 20 streams of each key, version ${version}${
      readBytes === 0 ? ", unread" : ""
    }`,
    async run(context) {
      const payload = Buffer.alloc(8 * MEBIBYTE, "x");
      const publishing = (async () => {
        while (context.isRunning()) {
          await context.device.publishAsync("d/live", payload, { qos: 1 }).catch(() => pause(100));
        }
      })();
      await subscribe(context, 20, { topics: ["d/#"], version, readBytes, stayMs: 10_000 });
      await publishing;
    },
  };
}

/** All attacks. */
export const ATTACKS: readonly Attack[] = [
  {
    name: "None: the other client alone",
    run: async ({ isRunning }) => {
      while (isRunning()) await pause(100);
    },
  },
  {
    name: "Jeedom's answers of 8 MiB, 60 requests of each key, read",
    async run(context) {
      context.jeedom.result = LARGEST_RESULT;
      await flood(context, 60, { route: "/gateway", payload: call });
    },
  },
  {
    name: "The same, unread",
    async run(context) {
      context.jeedom.result = LARGEST_RESULT;
      await flood(context, 60, { route: "/gateway", payload: call, readBytes: 0 });
    },
  },
  {
    name: "The same, all at the same moment",
    async run(context) {
      context.jeedom.result = LARGEST_RESULT;
      context.jeedom.delayMs = 4000;
      await flood(context, 60, { route: "/gateway", payload: call });
    },
  },
  {
    name: "The same, compressed",
    async run(context) {
      context.jeedom.result = LARGEST_RESULT;
      await flood(context, 60, { route: "/gateway", payload: () => ({ ...call(), compress: "gzip" }) });
    },
  },
  {
    name: "Jeedom's answers of 8 MiB that are lists of numbers and small objects",
    async run(context) {
      context.jeedom.result = `[${Array(8 * MEBIBYTE / 8 - 100).fill('{"a":1}').join(",")}]`;
      await flood(context, 30, {
        route: "/gateway",
        payload: () => ({ ...call(), jsonrpc: "event::changes", params: { longPolling: 0 } }),
      });
    },
  },
  {
    name: "Jeedom's answers of 8 MiB of empty lists",
    async run(context) {
      context.jeedom.result = `[${"[],".repeat(8 * MEBIBYTE / 3 - 100)}[]]`;
      await flood(context, 30, { route: "/gateway", payload: call });
    },
  },
  {
    name: "Jeedom's answers of 8 MiB that are not ASCII",
    async run(context) {
      context.jeedom.result = JSON.stringify("é€".repeat((8 * MEBIBYTE - 200) / 5));
      await flood(context, 60, { route: "/gateway", payload: call });
    },
  },
  {
    name: "Requests of 1 MiB that wait for Jeedom",
    async run(context) {
      context.jeedom.delayMs = 5000;
      await flood(context, 60, {
        route: "/gateway",
        payload: () => ({ ...call(), params: { text: "x".repeat(LARGEST_TEXT) } }),
      });
    },
  },
  {
    name: "Requests of 1 MiB of small objects that wait for Jeedom",
    async run(context) {
      context.jeedom.delayMs = 5000;
      const list = Array(LARGEST_TEXT / 8).fill({ a: 1 });
      await flood(context, 60, { route: "/gateway", payload: () => ({ ...call(), params: { list } }) });
    },
  },
  {
    name: "Requests of 1 MiB of empty lists that wait for Jeedom",
    async run(context) {
      context.jeedom.delayMs = 5000;
      const list = Array(LARGEST_TEXT / 3).fill([]);
      await flood(context, 60, { route: "/gateway", payload: () => ({ ...call(), params: { list } }) });
    },
  },
  {
    name: "Requests of 1 MiB of exact numbers that wait for Jeedom",
    async run(context) {
      context.jeedom.delayMs = 5000;
      const list = `[${Array(LARGEST_TEXT / 4).fill("1.0").join(",")}]`;
      await flood(context, 60, {
        route: "/gateway",
        payload: () => ({ ...call(), params: { list: "LIST" } }),
        edit: (json) => json.replace('"LIST"', list),
      });
    },
  },
  {
    name: "Messages of 780 KB published, 60 at a time with each key",
    run: (context) =>
      flood(context, 60, {
        route: "/mqtt/publish",
        payload: (index) => ({ topic: `p/${index % 100}`, message: "x".repeat(LARGEST_TEXT), qos: index % 3 }),
      }),
  },
  {
    name: "The same, with listeners to all of them",
    async run(context) {
      await Promise.all([
        subscribe(context, 15, { topics: ["#"], stayMs: 20_000 }),
        subscribe(context, 5, { topics: ["#"], stayMs: 20_000, readBytes: 0 }),
        flood(context, 20, {
          route: "/mqtt/publish",
          payload: (index) => ({ topic: `p/${index % 100}`, message: "x".repeat(LARGEST_TEXT), qos: 1 }),
        }),
      ]);
    },
  },
  {
    name: "The same, retained, embedded broker",
    broker: "embedded",
    async run(context) {
      await Promise.all([
        subscribe(context, 10, { topics: ["#"], stayMs: 3000 }),
        flood(context, 10, {
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
    async run(context) {
      const filter = (index: number) => `${index}/${"x".repeat(LARGEST_TEXT / 100 - 10)}`;
      const topics = Array.from({ length: 100 }, (_, index) => filter(index));
      await subscribe(context, 20, { topics, stayMs: 20_000 });
    },
  },
  {
    name: "An answer of 3 MB that is asked for again and again",
    async run(context) {
      context.jeedom.result = text(2_900_000);
      await Promise.all(context.attackers.map(async (attacker) => {
        const json = JSON.stringify({ ...call(), timestamp: Date.now() / 1000 });
        const body = await attacker.seal("/gateway", json);
        await attacker.sendBody("/gateway", body).ended;
        await Promise.all(Array.from({ length: 60 }, async () => {
          while (context.isRunning()) {
            const { ended, close } = attacker.sendBody("/gateway", body);
            await Promise.race([ended, pause(3000)]);
            close();
            await pause(50);
          }
        }));
      }));
    },
  },
  {
    name: "Garbage of 1 MiB, 100 at a time from each of four addresses",
    async run({ attackers, isRunning }) {
      const garbage = "A".repeat(MEBIBYTE);
      await Promise.all(attackers.flatMap((attacker) =>
        Array.from({ length: 100 }, async () => {
          while (isRunning()) {
            await attacker.sendBody("/gateway", garbage).ended;
            await pause(50);
          }
        })
      ));
    },
  },
  {
    name: "Bodies of 1 MiB without their end, 100 from each of four addresses",
    async run({ attackers, isRunning }) {
      const most = "A".repeat(MEBIBYTE - 1);
      await Promise.all(attackers.flatMap((attacker) =>
        Array.from({ length: 100 }, async () => {
          while (isRunning()) {
            await attacker.sendBody("/gateway", most, { missing: 1 }).ended;
            await pause(50);
          }
        })
      ));
    },
  },
  {
    name: "Bodies of 8 KiB without their end, 1,000 at a time from 100 addresses, on connections that stay open",
    keys: 100,
    async run({ attackers, isRunning }) {
      const most = "A".repeat(8 * 1024 - 1);
      await Promise.all(attackers.flatMap((attacker) =>
        Array.from({ length: 10 }, async () => {
          while (isRunning()) {
            // The gateway answers 408 soon, but cannot close the connection.
            const { ended, close } = attacker.sendBody("/gateway", most, { missing: 1, connection: "keep-alive" });
            await Promise.race([ended, pause(5000)]);
            close();
          }
        })
      ));
    },
  },
  {
    name: "Requests of 1 MiB that name none of 1,000 keys, from as many addresses",
    keys: 1000,
    async run({ attackers, isRunning }) {
      const garbage = "A".repeat(MEBIBYTE);
      await Promise.all(attackers.map(async (attacker) => {
        while (isRunning()) {
          await attacker.sendBody("/gateway", garbage).ended;
          await pause(50);
        }
      }));
    },
  },
  {
    name: "Answers of 60 KB to 100 keys, all of them kept for repeats",
    keys: 100,
    async run(context) {
      context.jeedom.result = text(60_000);
      await flood(context, 1, { route: "/gateway", payload: call });
    },
  },
  {
    name: "Messages of 60 KB for 20 streams with batches of each key, unread",
    async run(context) {
      const publishing = (async () => {
        for (let index = 0; context.isRunning(); index++) {
          await context.device.publishAsync(`d/${index % 100}`, "x".repeat(60_000), { qos: 1 }).catch(() => pause(100));
        }
      })();
      await subscribe(context, 20, { topics: ["d/#"], version: 2, readBytes: 0, stayMs: 10_000, batch: true });
      await publishing;
    },
  },
  {
    name: "Messages of 100 bytes for 20 streams with batches of each key, read slowly",
    async run(context) {
      const publishing = Promise.all(Array.from({ length: 50 }, async (_, index) => {
        while (context.isRunning()) {
          await context.device.publishAsync(`d/${index}`, "x".repeat(100), { qos: 1 }).catch(() => pause(100));
        }
      }));
      await subscribe(context, 20, { topics: ["d/#"], version: 2, readBytes: 100_000, stayMs: 10_000, batch: true });
      await publishing;
    },
  },
  ...SERVICE_ATTACKS,
  {
    name: "All at once: answers of 8 and of 3 MiB, requests of small objects, messages, retained ones and streams",
    async run(context) {
      await retain(context.device, 3);
      const list = Array(LARGEST_TEXT / 8).fill({ a: 1 });
      context.jeedom.result = text(2_900_000);
      // Fills the replay store first.
      for (let round = 0; round < 6; round++) {
        await Promise.all(context.attackers.map(async (attacker) => (await attacker.send("/gateway", call())).ended));
      }
      context.jeedom.result = LARGEST_RESULT;
      context.jeedom.delayMs = 1000;
      await Promise.all([
        flood(context, 10, { route: "/gateway", payload: call }),
        flood(context, 10, { route: "/gateway", payload: () => ({ ...call(), params: { list } }) }),
        flood(context, 10, {
          route: "/mqtt/publish",
          payload: (index) => ({ topic: `p/${index % 100}`, message: "x".repeat(LARGEST_TEXT), qos: 1 }),
        }),
        subscribe(context, 10, { topics: ["#"], version: 1 }),
        subscribe(context, 10, { topics: ["#"], readBytes: 0 }),
      ]);
    },
  },
];
