/** The page of a real gateway in its sandbox. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { startGatewayProcess } from "../support/gateway_process.ts";

Deno.test("a gateway serves its page with strict headers, and the files that it names", async () => {
  const gateway = await startGatewayProcess();
  try {
    const page = await fetch(gateway.url);
    const text = await page.text();
    assertEquals([page.status, page.headers.get("Cache-Control")], [200, "no-store"]);
    assertStringIncludes(page.headers.get("Content-Security-Policy") ?? "", "default-src 'none'; script-src 'self';");
    assertEquals(page.headers.get("X-Content-Type-Options"), "nosniff");
    const names = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name = ""]) => name);
    assertEquals(names.some((name) => name.endsWith(".js")) && names.some((name) => name.endsWith(".css")), true);
    for (const name of [...names, "sw.js"]) {
      const file = await fetch(`${gateway.url}/${name}`, { method: "HEAD" });
      assertEquals([file.status, file.headers.get("X-Content-Type-Options")], [200, "nosniff"], name);
    }
    const other = await fetch(`${gateway.url}/files.json`);
    assertEquals([other.status, await other.json()], [404, { error: "Not found" }]);
  } finally {
    await gateway.stop();
  }
});

Deno.test("a gateway with CONSOLE=off answers 404 in JSON for the page and its files", async () => {
  const gateway = await startGatewayProcess({ CONSOLE: "off" });
  try {
    for (const path of ["/", "/sw.js", "/index.html"]) {
      const response = await fetch(gateway.url + path);
      assertEquals([response.status, await response.json()], [404, { error: "Not found" }], path);
    }
  } finally {
    await gateway.stop();
  }
});
