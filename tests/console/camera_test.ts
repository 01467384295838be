/** Pairing by a camera that sees the code, and an address at which the page cannot work. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { encode } from "uqr";
import { EVERYTHING, startActionsHome } from "./support/actions_home.ts";
import { testPage, useBrowser } from "./support/browser.ts";
import { makeLink } from "./support/pairing.ts";
import { useHome } from "./support/shared_home.ts";

const VIDEO = await Deno.makeTempFile({ prefix: "camera-", suffix: ".y4m" });

const open = useBrowser([
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
  `--use-file-for-fake-video-capture=${VIDEO}`,
  // A name without https, unlike 127.0.0.1, is not secure.
  "--host-resolver-rules=MAP home.test 127.0.0.1",
]);

const theHome = useHome(startActionsHome);

Deno.test.afterAll(() => Deno.remove(VIDEO));

/** Returns a video of one frame with a code, in the format YUV4MPEG2. */
function videoOf(text: string): Uint8Array<ArrayBuffer> {
  const [width, height] = [640, 480];
  const { data, size } = encode(text, { border: 4 });
  const scale = Math.floor(height / size);
  const [left, top] = [(width - size * scale) >> 1, (height - size * scale) >> 1];
  const luma = new Uint8Array(width * height).fill(235);
  for (const [row, modules] of data.entries()) {
    for (const [column, isDark] of modules.entries()) {
      if (!isDark) continue;
      for (let y = 0; y < scale; y += 1) {
        const start = (top + row * scale + y) * width + left + column * scale;
        luma.fill(16, start, start + scale);
      }
    }
  }
  const chroma = new Uint8Array(width * height / 2).fill(128);
  const head = new TextEncoder().encode(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`);
  const frame = new TextEncoder().encode("FRAME\n");
  return new Uint8Array([...head, ...frame, ...luma, ...chroma]);
}

testPage("a camera that sees the code pairs the device", async () => {
  await Deno.writeFile(VIDEO, videoOf(await makeLink(theHome(), "pair", "phone", ...EVERYTHING)));
  await using opened = await open(theHome().url, { permissions: ["camera"] });
  const { page } = opened;
  await page.getByRole("button", { name: "Scan the code" }).click();
  await page.locator(".viewfinder").waitFor();
  await page.locator(".actions .tile", { hasText: "Open the gate" }).waitFor();
  assert(!page.url().includes("pair="));
  assertEquals(opened.faults, []);
});

testPage("over plain http, the page says why it cannot work, and sends nothing", async () => {
  const url = theHome().url.replace("127.0.0.1", "home.test");
  await using opened = await open(`${url}#pair=AAECAwQFBgcICQoLDA0ODw`);
  const posts: string[] = [];
  opened.page.on("request", (request) => {
    if (request.method() === "POST") posts.push(request.url());
  });
  await opened.page.getByRole("heading", { name: "not secure" }).waitFor();
  assertMatch(await opened.page.locator("main").innerText(), /https address/);
  assertEquals(await opened.checkAccessibility(), []);
  await opened.screenshot("insecure");
  assertEquals(posts, []);
});
