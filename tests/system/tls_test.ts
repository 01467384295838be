import { assertEquals } from "@std/assert";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { HAS_OPENSSL, makeCertificate } from "./certificate.ts";
import { freePort } from "../loopback.ts";
import { startGatewayProcess } from "./gateway_process.ts";

Deno.test("the gateway ends TLS itself when it has a certificate", { ignore: !HAS_OPENSSL }, async () => {
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
