/** Replay store in memory across restarts: the handover of a gateway that stops to the next one. */
import { assertEquals } from "@std/assert";
import { type OpenStore, openStore } from "../../src/app/store.ts";
import { openRedisServer } from "../../src/app/redis.ts";
import { SILENT_LOG } from "../../src/observability/log.ts";
import { freePort } from "../support/loopback.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { handoverFileOf } from "../../src/store/replay_handover.ts";
import type { RequestIdentity } from "../../src/store/replay_store.ts";
import { inTempDir } from "../support/temp_dir.ts";

const NOW = 1_700_000_000;

interface ProcessOptions {
  readonly kids?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Gateway that is started and stopped in one folder, on a clock that the test sets. */
class TestMachine {
  /** Seconds since 1970 by the wall clock. */
  wall = NOW + 0.5;
  readonly file: string;
  #count = 0;

  constructor(readonly directory: string) {
    this.file = handoverFileOf(`${directory}/secret_key.txt`);
  }

  async start({ kids = ["phone"], env = {} }: ProcessOptions = {}): Promise<OpenStore> {
    const config = parseConfig({ SECRET_KEY_FILE: `${this.directory}/secret_key.txt`, ...env });
    const redis = await openRedisServer(config, { files: Deno }, SILENT_LOG);
    const store = await openStore(config, {
      redis,
      files: Deno,
      kids: () => kids,
      log: SILENT_LOG,
      metrics: { gauge: () => {}, counter: () => {} },
      now: () => this.wall * 1000,
      monotonic: () => this.wall * 1000,
    });
    return {
      ...store,
      async close() {
        await store.close();
        await redis?.close();
      },
    };
  }

  /** Makes a request of a sender whose clock is ahead by some seconds. */
  request(ahead = 0, kid = "phone"): RequestIdentity {
    const nonce = new Uint8Array(16);
    new DataView(nonce.buffer).setUint32(0, this.#count++);
    return { kid, nonce, tag: new Uint8Array(16).fill(7), timestamp: this.wall + ahead };
  }
}

const onMachine = (run: (machine: TestMachine) => Promise<void>) => () =>
  inTempDir((directory) => run(new TestMachine(directory)));

async function claim(store: OpenStore, request: RequestIdentity): Promise<string> {
  return (await store.replays.claim(request)).kind;
}

async function stop(store: OpenStore): Promise<void> {
  await store.end();
  await store.close();
}

Deno.test(
  "begun() waits for the full second after a clean stop only where there is a key that the stopped gateway did not have",
  onMachine(async (machine) => {
    for (const { kids, waits } of [{ kids: ["phone"], waits: false }, { kids: ["phone", "new"], waits: true }]) {
      const before = await machine.start({ kids: ["phone"] });
      machine.wall += 1;
      await stop(before);
      const store = await machine.start({ kids });
      let hasBegun = false;
      const begun = store.begun().then(() => hasBegun = true);
      // A timer of no time that is set later ends later than one of no time, and earlier than all others.
      await new Promise((resolve) => setTimeout(resolve, 0));
      assertEquals(hasBegun, !waits, kids.join(", "));
      await begun;
      await stop(store);
    }
  }),
);

Deno.test(
  "after a clean stop, openStore() refuses what ran before and accepts new requests of the same second",
  onMachine(async (machine) => {
    const first = await machine.start();
    machine.wall += 1;
    const ran = machine.request();
    const ranAhead = machine.request(30);
    for (const request of [ran, ranAhead]) assertEquals(await claim(first, request), "first");
    await stop(first);
    const second = await machine.start();
    await second.begun();
    for (const request of [ran, ranAhead]) assertEquals(await claim(second, request), "repeat");
    assertEquals(await claim(second, machine.request()), "first");
    assertEquals(second.isAhead(), false);
    assertEquals(
      await claim(second, machine.request(-1)),
      "forgotten",
      "It may have run before the second of the stop",
    );
    await stop(second);
  }),
);

Deno.test(
  "openStore() hands over requests from one start to the next, however many follow within a second",
  onMachine(async (machine) => {
    machine.wall = NOW;
    const ran: RequestIdentity[] = [];
    for (let start = 0; start < 5; start++) {
      const store = await machine.start();
      for (const request of ran) assertEquals(await claim(store, request), "repeat");
      const request = machine.request();
      assertEquals(await claim(store, request), "first");
      ran.push(request);
      await stop(store);
    }
  }),
);

Deno.test(
  "after a crash, openStore() begins with the next second, also if there was a clean stop before",
  onMachine(async (machine) => {
    machine.wall = NOW;
    const first = await machine.start();
    await stop(first);
    const second = await machine.start();
    assertEquals((await Deno.stat(machine.file)).size, 0, "The file is there once requests run");
    machine.wall += 0.1;
    const ran = machine.request();
    assertEquals(await claim(second, ran), "first");
    await second.close();
    machine.wall += 0.1;
    const third = await machine.start();
    assertEquals([await claim(third, ran), await claim(third, machine.request())], ["forgotten", "forgotten"]);
    machine.wall = NOW + 1;
    assertEquals(await claim(third, machine.request()), "first");
    await third.close();
  }),
);

for (
  const [text, pause] of [
    ["long after a stop", 5.1],
    ["on a clock that was set back since the stop", -0.1],
  ] as const
) {
  Deno.test(
    `openStore() begins with the next second ${text}, and still refuses what ran`,
    onMachine(async (machine) => {
      machine.wall = NOW;
      const first = await machine.start();
      const ranAhead = machine.request(30);
      assertEquals(await claim(first, ranAhead), "first");
      await stop(first);
      machine.wall += pause;
      const second = await machine.start();
      assertEquals(await claim(second, machine.request()), "forgotten");
      assertEquals(await claim(second, ranAhead), "repeat");
      machine.wall += 1;
      assertEquals(await claim(second, machine.request()), "first");
      await second.close();
    }),
  );
}

Deno.test(
  "openStore() uses no copy of a handover that is put back after the next start",
  onMachine(async (machine) => {
    machine.wall = NOW;
    await stop(await machine.start());
    const copy = await Deno.readTextFile(machine.file);
    machine.wall += 6.1;
    const second = await machine.start();
    machine.wall += 1;
    const ran = machine.request();
    assertEquals(await claim(second, ran), "first");
    await second.close();
    await Deno.writeTextFile(machine.file, copy);
    const third = await machine.start();
    assertEquals(await claim(third, ran), "forgotten");
    await third.close();
  }),
);

Deno.test(
  "openStore() uses no handover after a gateway with Redis ran",
  onMachine(async (machine) => {
    machine.wall = NOW;
    await stop(await machine.start());
    machine.wall += 0.1;
    await stop(await machine.start({ env: { REDIS_URL: `redis://127.0.0.1:${freePort()}` } }));
    assertEquals((await Deno.stat(machine.file)).size, 0);
    const third = await machine.start();
    assertEquals(await claim(third, machine.request()), "forgotten");
    await third.close();
  }),
);

Deno.test(
  "after a clean stop, openStore() refuses requests of that second with keys that the stopped gateway did not have",
  onMachine(async (machine) => {
    const first = await machine.start({ kids: ["phone"] });
    machine.wall += 1;
    await stop(first);
    machine.wall += 0.1;
    const second = await machine.start({ kids: ["phone", "back"] });
    assertEquals(await claim(second, machine.request(0, "back")), "forgotten", "It may have run elsewhere");
    assertEquals(await claim(second, machine.request(0, "phone")), "first");
    await stop(second);
    const third = await machine.start({ kids: ["phone", "back"] });
    assertEquals(await claim(third, machine.request(0, "back")), "forgotten");
    machine.wall += 1;
    assertEquals(await claim(third, machine.request(0, "back")), "first");
    await third.close();
  }),
);

Deno.test(
  "openStore() hands over nothing where some of the requests are no longer stored, or where they are too many",
  onMachine(async (machine) => {
    const first = await machine.start();
    for (let count = 0; count <= 1000; count++) await claim(first, machine.request(1));
    await stop(first);
    await assertAbsent(machine.file);
    // A clock that is set back makes a timestamp outlive the memory of its request.
    const second = await machine.start();
    await claim(second, machine.request(59));
    const wall = machine.wall;
    machine.wall += 121;
    await claim(second, machine.request());
    machine.wall = wall;
    await stop(second);
    await assertAbsent(machine.file);
  }),
);

Deno.test(
  "openStore() begins with the next second if its memory is too small for the requests of the process before",
  onMachine(async (machine) => {
    machine.wall = NOW;
    const kids = ["phone", "tablet"];
    const first = await machine.start({ kids });
    for (let count = 0; count < 1000; count++) await claim(first, machine.request(1));
    await stop(first);
    machine.wall += 0.1;
    const second = await machine.start({ kids, env: { REPLAY_MEMORY_BYTES: "65536" } });
    assertEquals(await claim(second, machine.request(0, "tablet")), "forgotten");
    await second.close();
  }),
);

Deno.test(
  "openStore() accepts no request twice, however often it is stopped, however wrong the clocks of senders are",
  onMachine(async (machine) => {
    const ran: RequestIdentity[] = [];
    for (let start = 0; start < 40; start++) {
      const store = await machine.start();
      for (const request of ran) assertEquals(await claim(store, request) === "first", false);
      for (let step = 0; step < 8; step++) {
        machine.wall += [0, 0.1, 0.4, 3, 40][(start * 3 + step * 7) % 5] ?? 0;
        const request = machine.request((start * 37 + step * 61) % 119 - 59);
        if (await claim(store, request) === "first") ran.push(request);
      }
      await stop(store);
      machine.wall += start % 3;
    }
    assertEquals(ran.length > 100, true);
  }),
);

async function assertAbsent(file: string): Promise<void> {
  const content = await Deno.readTextFile(file).catch(() => "");
  assertEquals(content, "");
}
