import { assert, assertEquals } from "@std/assert";
import { needing, PACKAGES_FOR } from "./support/needs.ts";

/** Files that are about ignored tests. */
const ABOUT_IGNORING = ["needs.ts", "needs_test.ts", "run_test.ts"];

Deno.test("needing() leaves a test alone that has what it needs", () => {
  assertEquals(needing("it works", { mosquitto: "/usr/sbin/mosquitto", Linux: true }), {
    name: "it works",
    ignore: false,
  });
});

Deno.test("needing() ignores a test that lacks something, and its name says what", () => {
  const needs = { kotlinc: undefined, mosquitto: "/usr/sbin/mosquitto", Linux: false };
  assertEquals(needing("it works", needs), { name: "it works (needs kotlinc and Linux)", ignore: true });
});

Deno.test("needing() can tell several needs apart: none of them has the word that joins them", () => {
  assertEquals(Object.keys(PACKAGES_FOR).filter((need) => / and /.test(need)), []);
});

Deno.test("every test that may be ignored says why, by needing()", async () => {
  const silent: string[] = [];
  let searched = 0;
  const search = async (directory: URL): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(directory)) {
      if (isDirectory) await search(new URL(`${name}/`, directory));
      if (!name.endsWith(".ts") || ABOUT_IGNORING.includes(name)) continue;
      searched += 1;
      const text = await Deno.readTextFile(new URL(name, directory));
      // The option, in the three ways that it can be written; other settings are called so, too, with a text.
      if (/\bignore(: (?!")|,| \}|\()|Deno\.test\.ignore/.test(text)) silent.push(name);
    }
  };
  await search(new URL(".", import.meta.url));
  assertEquals(silent, []);
  assert(searched > 100, `Only ${searched} files were searched`);
});

Deno.test("README.md tells how to install what tests need on Debian, in packages that are known here", async () => {
  const text = await Deno.readTextFile(new URL("../README.md", import.meta.url));
  const [, told = ""] = /`apt install (chromium [^`]+)`/.exec(text) ?? [];
  const known = Object.values(PACKAGES_FOR).flatMap((packages) => packages.split(" "));
  assertEquals(told.split(" ").filter((name) => !known.includes(name)), []);
  // Debian has these from the beginning, and whoever runs the tests has Node.
  const base = [
    ...["", "bash", "bsdutils", "coreutils", "curl", "findutils", "git", "grep", "sed", "systemd", "util-linux"],
    ...["nodejs", "npm"],
  ];
  assertEquals(known.filter((name) => !told.split(" ").includes(name) && !base.includes(name)), []);
});
