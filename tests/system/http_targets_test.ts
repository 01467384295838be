/** HTTP targets of a gateway process in its sandbox. */
import { assertEquals } from "@std/assert";
import { fromHex, randomBytes } from "../../src/protocol/bytes.ts";
import { openAnswer, sealRequest } from "../../src/protocol/exchange.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { HAS_OPENSSL, makeCertificate } from "../support/certificate.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway_process.ts";
import { startHttpServer } from "../support/http_service.ts";
import { needing } from "../support/needs.ts";
import { inTempDir } from "../support/temp_dir.ts";

const SECRET = "correct-horse-battery-staple";

/** Sends a request with all rights, and returns status and body of the answer. */
async function ask({ url, key }: GatewayProcess, payload: Record<string, unknown>): Promise<[number, unknown]> {
  const secret = await importSecretKey(fromHex(key));
  const { text, exchange } = await sealRequest(
    secret,
    JSON.stringify({ timestamp: Date.now() / 1000, ...payload }),
    { version: 2, route: "/gateway", random: randomBytes },
  );
  const response = await fetch(`${url}/gateway`, { method: "POST", body: text });
  const { status, body } = JSON.parse(await openAnswer(exchange, await response.text()));
  return [status, body];
}

Deno.test(
  needing("a gateway in its sandbox reaches its targets, and others after a restart", { openssl: HAS_OPENSSL }),
  () =>
    inTempDir(async (directory) => {
      await makeCertificate(directory);
      const pair = {
        cert: await Deno.readTextFile(`${directory}/cert.pem`),
        key: await Deno.readTextFile(`${directory}/key.pem`),
      };
      await using plain = startHttpServer(() => Response.json({ plain: true }));
      await using secure = startHttpServer(() => Response.json({ secure: true }), pair);
      await using later = startHttpServer();
      const target = (name: string, url: string, more = "") =>
        `  ${name}: { url: "${url}", paths: [/api/**], headers: { X-Key: "\${TARGET_KEY}" }${more} }\n`;
      const before = "http:\n" + target("plain", `http://localhost:${plain.port}`) +
        target("secure", `https://localhost:${secure.port}`, ", caFile: cert.pem");
      await Deno.writeTextFile(`${directory}/services.yaml`, before, { mode: 0o600 });
      const gateway = await startGatewayProcess({ TARGET_KEY: SECRET }, { directory });
      gateway.keepSecret("key of the target", SECRET);
      try {
        assertEquals(await ask(gateway, { service: "http", target: "plain", path: "/api/x" }), [200, { plain: true }]);
        assertEquals(await ask(gateway, { service: "http", target: "secure", path: "/api/x" }), [200, {
          secure: true,
        }]);
        assertEquals(await ask(gateway, { url: `http://localhost:${plain.port}/api/x`, method: "GET" }), [200, {
          plain: true,
        }]);
        assertEquals([...plain.seen, ...secure.seen].map(({ headers }) => headers.get("x-key")), [
          SECRET,
          SECRET,
          SECRET,
        ]);
        assertEquals((await ask(gateway, { url: later.origin }))[0], 403);

        // By name: the address is allowed for the embedded broker.
        await Deno.writeTextFile(
          `${directory}/services.yaml`,
          before + target("later", `http://localhost:${later.port}`),
        );
        await gateway.output.line((text) => text.includes("Services file {file} loaded"));
        const [status, body] = await ask(gateway, { service: "http", target: "later", path: "/api/x" });
        assertEquals([status, JSON.parse(String(body))], [502, {
          error: "The sandbox does not allow later yet: it needs a restart of the gateway",
          code: "service_unreachable",
        }]);
        assertEquals(later.seen.length, 0);
      } finally {
        assertEquals(await gateway.stop(), 0);
      }
    }),
);
