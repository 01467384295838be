import { assert, assertEquals } from "@std/assert";
import { needing, PACKAGES_FOR } from "./support/needs.ts";

/** Files about ignored tests. */
const ABOUT_IGNORING = ["needs.ts", "needs_test.ts", "run_test.ts"];

Deno.test("needing() does not ignore a test whose requirements are met", () => {
  assertEquals(needing("it works", { mosquitto: "/usr/sbin/mosquitto", Linux: true }), {
    name: "it works",
    ignore: false,
  });
});

Deno.test("needing() ignores a test with unmet requirements, and names them", () => {
  const needs = { kotlinc: undefined, mosquitto: "/usr/sbin/mosquitto", Linux: false };
  assertEquals(needing("it works", needs), { name: "it works (needs kotlinc and Linux)", ignore: true });
});

Deno.test("needing() joins requirements with a word that none of them contains", () => {
  assertEquals(Object.keys(PACKAGES_FOR).filter((need) => / and /.test(need)), []);
});

Deno.test("every test that may be ignored uses needing()", async () => {
  const silent: string[] = [];
  let searched = 0;
  const search = async (directory: URL): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(directory)) {
      if (isDirectory) await search(new URL(`${name}/`, directory));
      if (!name.endsWith(".ts") || ABOUT_IGNORING.includes(name)) continue;
      searched += 1;
      const text = await Deno.readTextFile(new URL(name, directory));
      // The option in its three notations; settings of the same name have a text.
      if (/\bignore(: (?!")|,| \}|\()|Deno\.test\.ignore/.test(text)) silent.push(name);
    }
  };
  await search(new URL(".", import.meta.url));
  assertEquals(silent, []);
  assert(searched > 100, `Only ${searched} files were searched`);
});

Deno.test("README.md lists the Debian packages of all requirements, and no others", async () => {
  const text = await Deno.readTextFile(new URL("../README.md", import.meta.url));
  const [, listed = ""] = /`apt install (chromium [^`]+)`/.exec(text) ?? [];
  const known = Object.values(PACKAGES_FOR).flatMap((packages) => packages.split(" "));
  assertEquals(listed.split(" ").filter((name) => !known.includes(name)), []);
  // Part of a minimal Debian, or needed to run the tests at all.
  const base = [
    ...["", "bash", "bsdutils", "coreutils", "curl", "findutils", "git", "grep", "sed", "systemd", "util-linux"],
    ...["nodejs", "npm"],
  ];
  assertEquals(known.filter((name) => !listed.split(" ").includes(name) && !base.includes(name)), []);
});
