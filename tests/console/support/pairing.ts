/** Pairing links for the page, as an operator makes them. */
import { runCommand } from "../../../src/cli/commands.ts";
import { keys, KEYS_LINE, SUBCOMMAND_LINES } from "../../../src/cli/keys.ts";
import { fakePlatform } from "../../support/platform.ts";
import type { TestHome } from "./home.ts";

/** Runs a command of `keys` on the files of the running gateway, and returns what it prints. */
export async function runKeys(
  { gateway: { directory, url } }: Pick<TestHome, "gateway">,
  ...args: readonly string[]
): Promise<string> {
  const settings: Readonly<Record<string, string>> = {
    KEYS_FILE: `${directory}/data/keys.json`,
    SECRET_KEY_FILE: `${directory}/data/secret_key.txt`,
    PUBLIC_URL: url,
  };
  const platform = fakePlatform({
    args,
    files: {
      ...Deno,
      readTextFile: (path) => path === ".env" ? Promise.reject(new Deno.errors.NotFound()) : Deno.readTextFile(path),
    },
    env: (name) => settings[name],
  });
  const code = await runCommand({ line: KEYS_LINE, subcommands: SUBCOMMAND_LINES, run: keys }, platform);
  const text = platform.lines.join("\n");
  if (code !== 0) throw new Error(`keys ${args.join(" ")} failed: ${text}`);
  return text;
}

/** Makes a pairing link: `pair` with a name and rights, or `pass` with its options. */
export async function makeLink(home: Pick<TestHome, "gateway">, ...args: readonly string[]): Promise<string> {
  const [link] = /https?:\/\/\S+#pair=\S+/.exec(await runKeys(home, ...args)) ?? [];
  if (link === undefined) throw new Error("keys printed no pairing link");
  return link;
}
