import { assertEquals, assertRejects } from "@std/assert";
import { makePage } from "../../tools/console/page.ts";

const SOURCE = `<head>
    <link rel="stylesheet" href="styles/main.css">
    <link rel="icon" href="icons/icon.svg">
    <script type="module" src="main.tsx"></script>
  </head>
`;

const script = { path: "assets/main-1.js", text: "one" };
const style = { path: "assets/main-2.css", text: "two" };
const chunk = { path: "assets/chunk-3.js", text: "three" };

const HASHES = await Promise.all(
  ["one", "two", "three"].map(async (text) =>
    new Uint8Array(await crypto.subtle.digest("SHA-384", new TextEncoder().encode(text))).toBase64()
  ),
);

Deno.test("makePage() names the built files with their hashes, and loads what they import beforehand", async () => {
  const entries = new Map([["main.tsx", script], ["styles/main.css", style]]);
  assertEquals(
    await makePage(SOURCE, { entries, preloads: [chunk] }),
    `<head>
    <link rel="stylesheet" href="assets/main-2.css" integrity="sha384-${HASHES[1]}">
    <link rel="icon" href="icons/icon.svg">
    <link rel="modulepreload" href="assets/chunk-3.js" integrity="sha384-${HASHES[2]}">
    <script type="module" src="assets/main-1.js" integrity="sha384-${HASHES[0]}"></script>
  </head>
`,
  );
});

Deno.test("makePage() rejects a page that names what is not built", async () => {
  await assertRejects(() => makePage(SOURCE, { entries: new Map(), preloads: [] }), Error, "styles/main.css");
});
