/** A page of another site in a real browser sends requests to the gateway, without effect on clients at the same address. */
import { assert, assertEquals } from "@std/assert";
import { until, within } from "../support/deadline.ts";
import { CHROMIUM, startChromium } from "../portable/run_in_chromium.ts";
import { needing } from "../support/needs.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";

/** More than the failure burst of an address. */
const REQUESTS = 30;

/** Source of a page that sends no-cors requests, with and without a referrer, by name and by address. */
const pageFor = (port: number) =>
  `<!doctype html>
<script type="module">
  for (let index = 0; index < ${REQUESTS}; index++) {
    const host = index % 2 === 0 ? "localhost" : "127.0.0.1";
    const referrerPolicy = index % 3 === 0 ? "no-referrer" : "origin";
    await fetch("http://" + host + ":${port}/gateway", { method: "POST", mode: "no-cors", body: "x", referrerPolicy })
      .catch(() => {});
  }
  await fetch("/done", { method: "POST" });
</script>
`;

Deno.test(
  needing("a malicious page in a browser gets 403 for all requests, and a client at the same address is served", {
    chromium: CHROMIUM,
  }),
  async () => {
    const gateway = await startGatewayProcess();
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const site = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      if (new URL(request.url).pathname === "/done") resolve();
      return new Response(pageFor(Number(new URL(gateway.url).port)), { headers: { "Content-Type": "text/html" } });
    });
    const browser = await startChromium(CHROMIUM ?? "chromium", `http://127.0.0.1:${site.addr.port}/`);
    try {
      await within("the page has sent all requests", done, 60_000);
      assertEquals((await gateway.client.publish("t", "m")).status, 200);
      const refusals = async () => {
        const text = await (await fetch(`${gateway.metricsUrl}/metrics`)).text();
        const count = (reason: string) =>
          Number(new RegExp(`^e2e_gateway_refusals_total\\{reason="${reason}"\\} (\\d+)`, "m").exec(text)?.[1]);
        return { crossSite: count("cross_site"), envelope: count("envelope"), rate: count("address_rate") };
      };
      await until("all requests are counted", async () => (await refusals()).crossSite >= REQUESTS);
      const { envelope, rate } = await refusals();
      assert(envelope <= 1 && rate === 0, `${envelope} failures, ${rate} over the rate`);
    } finally {
      await browser.stop();
      await site.shutdown();
      await gateway.stop();
    }
  },
);
