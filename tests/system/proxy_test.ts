/** Requests within the home never use the proxy of the environment. */
import { assert, assertEquals } from "@std/assert";

const FILES = ["deno.json", "systemd/run.sh"].map((name) => new URL(`../../${name}`, import.meta.url));

Deno.test("NO_PROXY of every task bypasses HTTP_PROXY for host names and addresses", async () => {
  const texts = await Promise.all(FILES.map((url) => Deno.readTextFile(url)));
  const values = new Set(texts.flatMap((text) => [...text.matchAll(/NO_PROXY='([^']*)'/g)].map(([, value]) => value)));
  assert(values.size > 0);
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("here"));
  const urls = ["127.0.0.1", "localhost"].map((host) => `http://${host}:${server.addr.port}`);
  const script = `for (const url of ${JSON.stringify(urls)}) console.log(await (await fetch(url)).text());`;
  for (const value of values) {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", script],
      env: { HTTP_PROXY: "http://127.0.0.1:1", NO_PROXY: value ?? "" },
    }).output();
    assertEquals(new TextDecoder().decode(stdout), "here\nhere\n", new TextDecoder().decode(stderr));
  }
});
