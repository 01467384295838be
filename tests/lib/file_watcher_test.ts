import { assertEquals } from "@std/assert";
import { fingerprintOf, watchFiles } from "../../src/lib/file_watcher.ts";
import { until } from "../support/deadline.ts";
import { inTempDir } from "../support/temp_dir.ts";

Deno.test("watchFiles() reports each reason of a failure once, and again after a load in between", async () => {
  const reasons: string[] = [];
  const results = ["a", "a", "b", "b", undefined, "b"];
  const watcher = watchFiles({
    load: async () => {
      const reason = results.shift();
      if (reason !== undefined) throw new Error(await Promise.resolve(reason));
    },
    isContentFault: () => false,
    onFailure: (reason) => void reasons.push(reason),
    fingerprint: () => Promise.resolve(`${results.length}`),
    pollMs: 1,
  }, "loaded");
  await until("all are loaded", () => results.length === 0);
  await watcher.close();
  assertEquals(reasons, ["a", "b", "b"]);
});

Deno.test("watchFiles() loads files that are again as they were before a fault", async () => {
  let content = "gone";
  const loads: string[] = [];
  const watcher = watchFiles({
    load() {
      loads.push(content);
      return content === "fault" ? Promise.reject(new Error(content)) : Promise.resolve();
    },
    isContentFault: () => true,
    onFailure: () => void (content = "gone"),
    fingerprint: () => Promise.resolve(content),
    pollMs: 1,
  }, content);
  content = "fault";
  await until("it is loaded", () => loads.at(-1) === "gone");
  await watcher.close();
  assertEquals(loads, ["fault", "gone"]);
});

Deno.test("watchFiles() loads files with a fault in their content again only once they have changed", async () => {
  let content = "before";
  let polls = 0;
  const loads: string[] = [];
  const watcher = watchFiles({
    load() {
      loads.push(content);
      return content === "valid" ? Promise.resolve() : Promise.reject(new SyntaxError(content));
    },
    isContentFault: (error) => error instanceof SyntaxError,
    onFailure: () => {},
    fingerprint: () => {
      polls += 1;
      return Promise.resolve(content);
    },
    pollMs: 1,
  }, content);
  for (const next of ["fault", "other fault", "valid"]) {
    content = next;
    await until("it is loaded", () => loads.at(-1) === next);
    const since = polls;
    await until("further polls", () => polls > since + 5);
  }
  await watcher.close();
  assertEquals(loads, ["fault", "other fault", "valid"]);
});

Deno.test("fingerprintOf() differs when a file is created, written, replaced or removed", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/file`;
    const seen = [await fingerprintOf([path], Deno)];
    await Deno.writeTextFile(path, "a");
    seen.push(await fingerprintOf([path], Deno));
    await Deno.writeTextFile(path, "ab");
    seen.push(await fingerprintOf([path], Deno));
    await Deno.writeTextFile(`${path}.new`, "ab");
    await Deno.rename(`${path}.new`, path);
    seen.push(await fingerprintOf([path], Deno));
    assertEquals(await fingerprintOf([path], Deno), seen.at(-1));
    assertEquals(new Set(seen).size, seen.length);
    await Deno.remove(path);
    assertEquals(await fingerprintOf([path], Deno), seen[0]);
  }));
