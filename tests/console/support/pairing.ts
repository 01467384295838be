/** Pairing links for the page, as an operator makes them. */
import { spawnMain } from "../../support/gateway_process.ts";
import type { TestHome } from "./home.ts";

/** Runs a command of `keys` on the gateway's machine, and returns what it prints. */
export async function runKeys({ gateway }: TestHome, ...args: readonly string[]): Promise<string> {
  const child = spawnMain(["keys", ...args], {
    directory: gateway.directory,
    env: { PUBLIC_URL: gateway.url },
  });
  const { success, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`keys ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}${text}`);
  return text;
}

/** Makes a pairing link: `pair` with a name and rights, or `pass` with its options. */
export async function makeLink(home: TestHome, ...args: readonly string[]): Promise<string> {
  const [link] = /https?:\/\/\S+#pair=\S+/.exec(await runKeys(home, ...args)) ?? [];
  if (link === undefined) throw new Error("keys printed no pairing link");
  return link;
}
