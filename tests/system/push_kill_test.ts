/**
 * A real gateway is killed at each step of sending: no device gets an alert twice, and none is lost without a count.
 */
import { assert, assertEquals } from "@std/assert";
import { HAS_OPENSSL } from "../support/certificate.ts";
import { until } from "../support/deadline.ts";
import { needing } from "../support/needs.ts";
import { pushFigures, PushHome } from "../support/push_home.ts";
import { inTempDir } from "../support/temp_dir.ts";

/** Keeps the first message at a step of its sending, until it is disposed. */
interface Stop extends AsyncDisposable {
  /**
   * Waits until the message is there.
   *
   * @param sent returns the number of messages that the gateway has counted as sent
   */
  reached(sent: () => Promise<number>): Promise<void>;
}

/** Takes the place of the push service, and accepts connections without a word of TLS. */
async function stopBeforeRequest({ service }: PushHome): Promise<Stop> {
  const port = Number(service.host.split(":")[1]);
  await service.down();
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  const connection = listener.accept();
  return {
    async reached() {
      await connection;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      (await connection).close();
      await service.up();
    },
  };
}

/** Keeps back the answer. */
function stopBeforeAnswer({ service }: PushHome): Stop {
  service.answers.push("hang");
  return {
    reached: () => until("the request", () => service.hanging === 1),
    [Symbol.asyncDispose]: () => Promise.resolve(service.release()),
  };
}

/** Answers once nothing can be written into the state database. */
function stopBeforeRecord(home: PushHome): Stop {
  const { service } = home;
  const resources = new DisposableStack();
  service.answers.push("hang");
  return {
    async reached(sent) {
      await until("the request", () => service.hanging === 1);
      const before = await sent();
      resources.use(home.lockState());
      service.release();
      await until("the answer", async () => await sent() === before + 1);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(resources.dispose()),
  };
}

for (
  const { step, stop, received } of [
    { step: "between the claim and the request", stop: stopBeforeRequest, received: ["b"] },
    { step: "while the request waits for its answer", stop: stopBeforeAnswer, received: ["a", "b"] },
    { step: "between the answer and its record", stop: stopBeforeRecord, received: ["a", "b"] },
  ]
) {
  Deno.test({
    ...needing(`a gateway that is killed ${step} sends nothing twice and counts each alert`, { openssl: HAS_OPENSSL }),
    fn: () =>
      inTempDir(async (directory) => {
        await using home = await PushHome.start(directory);
        const killed = await home.startGateway();
        const figure = async (name: string) => (await pushFigures(killed))[name] ?? 0;
        const device = await home.addDevice(killed.client, "home/door");
        await home.untilListening(killed, "home/door");
        await until("an empty queue", async () => await figure("queue") === 0);
        const [before, queued] = [home.receivedBy(device), await figure("queued")];
        {
          await using stopped = await stop(home);
          for (const title of ["a", "b", "c"]) await killed.client.publish("home/door", title);
          await until("three messages", async () => await figure("queued") === queued + 3);
          await stopped.reached(() => figure("sent"));
          await killed.stop("SIGKILL");
        }
        // Behind the first message, "b" is not claimed yet, and the lifetime of "c" ends while no gateway runs.
        home.expire("c");
        const restarted = await home.startGateway();
        await until("the rest", async () => (await pushFigures(restarted))["queue"] === undefined);
        assertEquals(await pushFigures(restarted), { "dropped interrupted": 1, expired: 1, sent: 1 });
        assertEquals(home.receivedBy(device), [...before, ...received]);
        const alerts = (await restarted.client.pushAlerts()).map(({ title }) => title);
        assertEquals(alerts.slice(before.length), ["a", "b", "c"]);
      }),
  });
}

/** Number of messages that the push service accepts between two kills, of 40. */
const ACCEPTED_PER_ROUND = 6;

Deno.test({
  ...needing("a gateway that is killed again and again sends nothing twice and counts each alert", {
    openssl: HAS_OPENSSL,
  }),
  fn: () =>
    inTempDir(async (directory) => {
      await using home = await PushHome.start(directory);
      const { service } = home;
      let gateway = await home.startGateway();
      const devices = [
        await home.addDevice(gateway.client, "home/door"),
        await home.addDevice(gateway.client, "home/door"),
      ];
      service.answers.push("hang", "hang");
      await home.untilListening(gateway, "home/door");
      for (let number = 0; number < 20; number++) await gateway.client.publish("home/door", String(number));
      await until("all alerts", async () => (await gateway.client.pushAlerts()).at(-1)?.title === "19");
      const total = (await gateway.client.pushAlerts()).length * devices.length;
      await until("all messages", async () => (await pushFigures(gateway))["queued"] === total);
      const kills: number[] = [];
      let interrupted = 0;
      const count = async () => interrupted += (await pushFigures(gateway))["dropped interrupted"] ?? 0;
      for (let round = 0; round < 3; round++) {
        const sent = 1 + Math.floor(Math.random() * ACCEPTED_PER_ROUND);
        kills.push(sent);
        const before = service.received.length;
        // However late the kill comes, messages are left for the next round.
        service.answers.push(...Array.from({ length: ACCEPTED_PER_ROUND }, () => ({ status: 201 })));
        service.answers.push(...Array<"hang">(total).fill("hang"));
        if (round === 0) service.release();
        else gateway = await home.startGateway();
        await service.until(before + sent);
        await count();
        await gateway.stop("SIGKILL");
        service.answers.splice(0);
        service.release();
      }
      gateway = await home.startGateway();
      await until("the rest", async () => (await pushFigures(gateway))["queue"] === undefined);
      await count();
      const ids = (await gateway.client.pushAlerts()).map(({ id }) => id);
      const received = service.received.map(({ path, text }) => `${path} ${JSON.parse(text).id}`);
      assertEquals(new Set(received).size, received.length, "each once");
      assert(service.received.every(({ text }) => ids.includes(JSON.parse(text).id)));
      const missing = total - received.length;
      assert(missing <= interrupted && interrupted <= 6, `${missing} missing, ${interrupted} counted: ${kills}`);
      const { sent: _sent, "dropped interrupted": _interrupted, ...others } = await pushFigures(gateway);
      assertEquals(others, {});
    }),
});
