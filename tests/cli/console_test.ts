import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UsageError } from "../../src/cli/args.ts";
import { console } from "../../src/cli/console.ts";
import { CONSOLE_FOLDER } from "../../src/config/console_folder.ts";
import { fakePlatform } from "../support/platform.ts";
import { inTempDir } from "../support/temp_dir.ts";

const GATEWAY = ["--gateway", "https://home.example"];

async function run(...args: string[]) {
  const platform = fakePlatform({ args });
  return { code: await console(platform), lines: platform.lines };
}

async function filesBelow(folder: string, prefix = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${prefix}`)) {
    if (isDirectory) found.push(...await filesBelow(folder, `${prefix}${name}/`));
    else found.push(prefix + name);
  }
  return found.sort();
}

Deno.test("--hashes prints the SHA-384 of each file as sha384sum computes it", async () => {
  const { code, lines } = await run("--hashes");
  const released = (await filesBelow(CONSOLE_FOLDER)).filter((path) => !/\.(gz|br|json)$/.test(path));
  assertEquals([code, lines.map((line) => line.split("  ")[1])], [0, released]);
  for (const line of lines) {
    const [hash, path] = line.split("  ");
    const digest = await crypto.subtle.digest("SHA-384", await Deno.readFile(`${CONSOLE_FOLDER}/${path}`));
    assertEquals(hash, `sha384-${new Uint8Array(digest).toBase64()}`);
  }
});

Deno.test("--hashes fails when a file is not the one of the table", async () => {
  const platform = fakePlatform({
    args: ["--hashes"],
    files: { ...Deno, readFile: () => Promise.resolve(new Uint8Array([1])) },
  });
  assertEquals(await console(platform), 1);
  assertStringIncludes(platform.lines.join("\n"), "is not the file of files.json");
});

Deno.test("--export writes the page with the policy and the gateways in its head, all else unchanged", () =>
  inTempDir(async (directory) => {
    const target = `${directory}/new/page`;
    const other = ["--gateway", "https://b.example/prefix/", "--gateway", "https://home.example/x'&\"y"];
    const { code } = await run("--export", target, ...GATEWAY, ...other);
    assertEquals(code, 0);
    const names = await filesBelow(target);
    // The Admin page is for the gateway's machine alone.
    assertEquals(names, (await filesBelow(CONSOLE_FOLDER)).filter((path) => !/\.(gz|br|json)$|^admin\//.test(path)));
    for (const name of names.filter((name) => name !== "index.html" && name !== "sw.js")) {
      assertEquals(await Deno.readFile(`${target}/${name}`), await Deno.readFile(`${CONSOLE_FOLDER}/${name}`), name);
    }
    const page = await Deno.readTextFile(`${target}/index.html`);
    const [, policy = ""] = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(page) ?? [];
    const directives = policy.split("; ");
    assert(
      directives.includes("default-src 'none'") && directives.includes("require-trusted-types-for 'script'"),
      policy,
    );
    assert(directives.includes("connect-src 'self' https://home.example https://b.example"), policy);
    const gateways = "https://home.example https://b.example/prefix https://home.example/x'&amp;%22y";
    assertStringIncludes(page, `<meta name="e2eg-gateways" content="${gateways}">`);
    assert(page.indexOf("Content-Security-Policy") < page.search(/<(script|link)/), "the policy comes first");
    assertEquals(page.replaceAll(/^ *<meta (http-equiv|name="e2eg).*\n/gm, ""), await indexOf(CONSOLE_FOLDER));
  }));

const indexOf = (folder: string) => Deno.readTextFile(`${folder}/index.html`);

Deno.test("--export with other gateways gives another service worker, so that browsers take the new page", () =>
  inTempDir(async (directory) => {
    await run("--export", `${directory}/a`, ...GATEWAY);
    await run("--export", `${directory}/b`, "--gateway", "https://b.example");
    const [a, b] = await Promise.all(["a", "b"].map((name) => Deno.readTextFile(`${directory}/${name}/sw.js`)));
    assert(a !== b);
  }));

Deno.test("--export leaves a folder that is not empty alone", () =>
  inTempDir(async (directory) => {
    await Deno.writeTextFile(`${directory}/mine.html`, "mine");
    const { code, lines } = await run("--export", directory, ...GATEWAY);
    assertEquals([code, await filesBelow(directory)], [1, ["mine.html"]]);
    assertStringIncludes(lines.join("\n"), "is not empty: it has mine.html. Name another folder");
    await Deno.writeTextFile(`${directory}/file`, "");
    assertEquals((await run("--export", `${directory}/file`, ...GATEWAY)).code, 1);
  }));

Deno.test("a wrong command line names what is wrong, and writes nothing", () =>
  inTempDir(async (directory) => {
    const target = `${directory}/page`;
    const cases: readonly (readonly [readonly string[], string])[] = [
      [[], "Give either --hashes or --export DIR"],
      [["--hashes", "--export", target], "Give either --hashes or --export DIR"],
      [["--hashes", ...GATEWAY], "--gateway needs --export DIR"],
      [["--export", target], "--export needs --gateway URL"],
      [["--export", "", ...GATEWAY], "DIR of --export is empty"],
      [["--export", target, "--gateway", "home.example"], "--gateway must be an address"],
      [["--export", target, "--gateway", "http://home.example"], "--gateway must be https://"],
      [["--export", target, "--gateway", "https://u:p@home.example"], "--gateway must not contain a user name"],
      [["--export", target, "--gateway", "https://home.example/#x"], "--gateway must not contain a query or fragment"],
    ];
    for (const [args, message] of cases) await assertRejects(() => run(...args), UsageError, message);
    assertEquals(await filesBelow(directory), []);
  }));
