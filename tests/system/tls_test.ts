import { assertEquals } from "@std/assert";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { needing } from "../support/needs.ts";
import { HAS_OPENSSL, makeCertificate, makeDefaultCertificate } from "../support/certificate.ts";
import { startJeedom } from "../support/jeedom_server.ts";
import { freePort } from "../support/loopback.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";

Deno.test(needing("the gateway ends TLS itself when it has a certificate", { openssl: HAS_OPENSSL }), async () => {
  const directory = await Deno.makeTempDir();
  await makeCertificate(directory);
  const gateway = await startGatewayProcess({
    TLS_CERT_FILE: `${directory}/cert.pem`,
    TLS_KEY_FILE: `${directory}/key.pem`,
    MQTT_BROKER_PORT: String(freePort()),
  });
  const trusting = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(`${directory}/cert.pem`)] });
  try {
    const client = new GatewayClient({
      url: gateway.url,
      key: gateway.key,
      fetch: (input, init) => fetch(input, { ...init, client: trusting }),
    });
    assertEquals((await client.health()).status, "ok");
    assertEquals((await client.publish("t", "m", { qos: 1 })).status, 200);
  } finally {
    trusting.close();
    await gateway.stop();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test(
  needing("the gateway calls a Jeedom with the certificate of JEEDOM_CA_FILE, and no other", { openssl: HAS_OPENSSL }),
  async () => {
    const directory = await Deno.makeTempDir();
    const [own, other] = [
      await makeDefaultCertificate(directory, "own"),
      await makeDefaultCertificate(directory, "other"),
    ];
    for (const [pair, status] of [[own, 200], [other, 502]] as const) {
      const jeedom = startJeedom({ tls: pair });
      const gateway = await startGatewayProcess({
        JEEDOM_URL: jeedom.url,
        JEEDOM_APIKEY: jeedom.apikey,
        JEEDOM_CA_FILE: `${directory}/own.pem`,
      });
      try {
        const call = gateway.client.callJeedom("version");
        assertEquals(await call.then((answer) => answer.status, (error) => error.status), status);
        assertEquals(jeedom.requests.length, status === 200 ? 1 : 0);
      } finally {
        await gateway.stop();
        await jeedom.stop();
      }
    }
    await Deno.remove(directory, { recursive: true });
  },
);
