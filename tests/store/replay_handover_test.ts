import { assertEquals } from "@std/assert";
import {
  follows,
  handoverFileOf,
  type ReplayHandover,
  takeHandover,
  writeHandover,
} from "../../src/store/replay_handover.ts";
import { inTempDir } from "../support/temp_dir.ts";

const HANDOVER: ReplayHandover = {
  endedAt: 1_700_000_000_250,
  kids: ["phone"],
  since: 1_700_000_000,
  requests: [
    { kid: "phone", nonce: new Uint8Array(12).fill(1), tag: new Uint8Array(16).fill(2), timestamp: 1_700_000_000 },
    { kid: "gone", nonce: new Uint8Array(16).fill(3), tag: new Uint8Array(16).fill(4), timestamp: 1_700_000_030.5 },
  ],
};

const inFolder = (run: (path: string) => Promise<void>) => () =>
  inTempDir((directory) => run(handoverFileOf(`${directory}/secret_key.txt`)));

Deno.test(
  "takeHandover() returns what writeHandover() wrote, once",
  inFolder(async (path) => {
    for (let time = 0; time < 2; time++) {
      await writeHandover(path, HANDOVER, Deno);
      assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
      assertEquals(await takeHandover(path, Deno), HANDOVER);
      assertEquals(await takeHandover(path, Deno), undefined);
    }
  }),
);

Deno.test(
  "takeHandover() has the file empty on the disk before it returns, and returns nothing where that fails",
  inFolder(async (path) => {
    for (const failing of ["truncate", "sync"] as const) {
      await writeHandover(path, HANDOVER, Deno);
      const files = {
        async open(...args: Parameters<typeof Deno.open>) {
          const file = await Deno.open(...args);
          file[failing] = () => Promise.reject(new Error("Input/output error"));
          return file;
        },
      };
      assertEquals(await takeHandover(path, files), undefined, failing);
    }
  }),
);

Deno.test(
  "writeHandover() writes in place: a file that was emptied cannot be there again after a power failure",
  inFolder(async (path) => {
    await writeHandover(path, HANDOVER, Deno);
    const { ino } = await Deno.stat(path);
    await takeHandover(path, Deno);
    await writeHandover(path, HANDOVER, Deno);
    assertEquals((await Deno.stat(path)).ino, ino);
  }),
);

Deno.test(
  "takeHandover() returns nothing of a file that is absent, cut off, too large, or of another content",
  inFolder(async (path) => {
    assertEquals(await takeHandover(path, Deno), undefined);
    await writeHandover(path, HANDOVER, Deno);
    const text = await Deno.readTextFile(path);
    const [request] = JSON.parse(text).requests;
    const withRequest = (change: object) =>
      JSON.stringify({ ...JSON.parse(text), requests: [{ ...request, ...change }] });
    for (
      const other of [
        text.slice(0, -1),
        " ".repeat(2 ** 20) + text,
        text.replace("endedAt", "ended"),
        text.replace('"since":1700000000', '"since":1699999999'),
        withRequest({ nonce: "00".repeat(17) }),
        withRequest({ tag: "00".repeat(15) }),
        withRequest({ timestamp: "now" }),
        "[]",
      ]
    ) {
      await Deno.writeTextFile(path, other);
      assertEquals(await takeHandover(path, Deno), undefined, other.slice(0, 300));
      assertEquals((await Deno.stat(path)).size, 0);
    }
  }),
);

Deno.test("writeHandover() does nothing where the folder is not writable", async () => {
  await writeHandover("/proc/absent/replay_handover.json", HANDOVER, Deno);
});

Deno.test("follows() is true for a start within 5 s after the end, and false before the end", () => {
  const pauses = [-1, 0, 5000, 5001];
  assertEquals(pauses.map((pause) => follows(HANDOVER, HANDOVER.endedAt + pause)), [false, true, true, false]);
});
