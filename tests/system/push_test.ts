/** Push messages of a real gateway: from a message of a broker to the notification that a device decrypts. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { type Fields, GatewayClient, RefusedError, ScopeError } from "../../src/client/gateway_client.ts";
import { formatKeysFile } from "../../src/keys/schema.ts";
import { deriveKeyId } from "../../src/protocol/secret_key.ts";
import { parseNotification } from "../../src/protocol/push/notification.ts";
import { startBroker } from "../support/broker.ts";
import { HAS_OPENSSL, makeCertificate } from "../support/certificate.ts";
import { until } from "../support/deadline.ts";
import { makeRecord } from "../support/gateway.ts";
import { startGatewayProcess, UNLIMITED } from "../support/gateway_process.ts";
import { needing } from "../support/needs.ts";
import { TestPushService } from "../support/push_service.ts";
import { inTempDir } from "../support/temp_dir.ts";

/** Endpoints that lead into the house, or nowhere. */
const REFUSED_ENDPOINTS = [
  ...["https://127.0.0.1/a", "https://[::1]/a", "https://169.254.169.254/latest/meta-data", "https://10.0.0.1/a"],
  ...["https://localhost/a", "http://localhost/a", "https://fcm.googleapis.com.evil.example/a", "ftp://localhost/"],
  ...["https://user@fcm.googleapis.com/a", "https://fcm.googleapis.com:22/a", "https://[::ffff:7f00:1]/a", ""],
];

Deno.test({
  ...needing("a device is told of a message while it sleeps, and of nothing once its key is removed", {
    openssl: HAS_OPENSSL,
  }),
  fn: () =>
    inTempDir(async (directory) => {
      await makeCertificate(directory);
      const read = (name: string) => Deno.readTextFile(`${directory}/${name}`);
      await using service = await TestPushService.start({ cert: await read("cert.pem"), key: await read("key.pem") });
      const broker = await startBroker();
      const phone = makeRecord({ name: "phone", subscribe: ["home/#"], services: ["mqtt"] });
      const guest = makeRecord({ name: "guest", subscribe: ["guest/#"], services: ["mqtt"] });
      const env = {
        ...UNLIMITED,
        MQTT_BROKER_HOST: broker.host,
        MQTT_BROKER_PORT: String(broker.port),
        PUSH_ALLOWED_HOSTS: service.host,
      };
      const gateway = await startGatewayProcess(env, {
        directory,
        keys: [phone, guest],
        flags: [`--cert=${directory}/cert.pem`],
      });
      const clientOf = ({ secret }: typeof phone) =>
        new GatewayClient({ url: gateway.url, key: secret.toHex(), protocol: 2 });
      const [device, visitor] = [clientOf(phone), clientOf(guest)];
      const rule = (name: string, topic: string) => ({
        ...{
          name,
          source: { topics: [topic] },
          title: "Doorbell",
          body: "{value} at {topic}",
          urgency: "high" as const,
        },
        condition: { type: "equals" as const, text: "rings-42", once: true },
      });
      /** Publishes a message until a number of push messages has come: from then on, the rule is in force. */
      const untilTold = async (topic: string, count: number) => {
        await until(`${count} push messages`, async () => {
          await gateway.client.publish(topic, "rings-42");
          return service.received.length >= count;
        });
      };
      try {
        const subscription = service.subscribe();
        gateway.keepSecret("endpoint", new URL(subscription.endpoint).pathname);
        gateway.keepSecret("auth", subscription.keys.auth);
        gateway.keepSecret("text", "rings-42");

        for (const endpoint of REFUSED_ENDPOINTS) {
          await assertRejects(
            () => device.pushSubscribe({ ...subscription, endpoint, kind: "web" }),
            RefusedError,
            "Invalid field: subscribe.endpoint: ",
            endpoint,
          );
        }
        const damaged = fc.record({
          endpoint: fc.oneof(fc.constant(subscription.endpoint), fc.jsonValue()),
          keys: fc.oneof(fc.record({ p256dh: fc.string(), auth: fc.string() }), fc.jsonValue()),
          kind: fc.constantFrom<unknown>("web", 1, null),
        });
        await fc.assert(
          fc.asyncProperty(damaged, async (subscribe) => {
            const { status, body } = await device.call("push", { subscribe } satisfies Fields).catch((error) => {
              assert(error instanceof RefusedError, String(error));
              return { status: error.status, body: error.message };
            });
            assertEquals(status, 400, String(body));
          }),
          { numRuns: 20 },
        );
        assertEquals((await device.push()).subscriptions, []);

        const id = await device.pushSubscribe({ ...subscription, kind: "web", label: "Phone" });
        await device.pushTest(id);
        await service.until(1);
        const test = parseNotification(service.received[0]?.text ?? "");
        assertEquals([test?.title, test?.kid], ["Test", await deriveKeyId(phone.secret)]);

        await assertRejects(() => visitor.pushSetRule(rule("spy", "home/door")), ScopeError, "home/door");
        await device.pushSetRule(rule("doorbell", "home/door"));
        await untilTold("home/door", 2);
        const second = service.received[1];
        if (second === undefined) throw new Error("No second message");
        const { headers, text, bytes } = second;
        const { id: alertId, timestamp: _, ...notification } = parseNotification(text) ?? { id: "", timestamp: 0 };
        assertEquals(notification, {
          ...{ title: "Doorbell", body: "rings-42 at home/door", rule: "doorbell", subject: "home/door", actions: [] },
          ...{ urgency: "high", tag: "doorbell home/door", kid: await deriveKeyId(phone.secret) },
        });
        assertEquals([headers["urgency"], headers["ttl"], headers["content-encoding"]], ["high", "86400", "aes128gcm"]);
        // Padded, so that the service learns little of the length.
        assert(bytes < 1024, String(bytes));

        const { subscriptions: [stored], rules, sources } = await device.push();
        assertEquals([stored?.id, stored?.label, stored?.host, rules.length], [id, "Phone", service.host, 1]);
        await until("a success is shown", async () => {
          return (await device.push()).subscriptions[0]?.lastSuccess !== undefined;
        });
        assert(sources.includes("topics") && sources.includes("health"), sources.join());
        assertEquals((await device.pushAlerts()).map(({ id, title }) => id === alertId ? title : title), [
          "Test",
          "Doorbell",
        ]);
        assertEquals(await visitor.pushAlerts(), []);

        const metrics = await (await fetch(`${gateway.metricsUrl}/metrics`)).text();
        for (const line of ["push_sent_total 2", "push_queued_total 2", "push_queue 0", "push_oldest_seconds 0"]) {
          assert(metrics.includes(`\ne2e_gateway_${line}\n`), line);
        }

        await visitor.pushSubscribe({ ...service.subscribe(), kind: "unifiedpush" });
        await visitor.pushSetRule(rule("bell", "guest/door"));
        await Deno.writeTextFile(`${directory}/data/keys.json`, formatKeysFile([guest]), { mode: 0o600 });
        await gateway.output.line((line) => line.includes("Keys loaded"));
        for (const message of ["quiet", "rings-42"]) await gateway.client.publish("home/door", message);
        await untilTold("guest/door", 3);
        assertEquals(service.received.map(({ text }) => parseNotification(text)?.rule), [
          undefined,
          "doorbell",
          "bell",
        ]);

        await gateway.stop();
        const again = await startGatewayProcess(env, { directory, flags: [`--cert=${directory}/cert.pem`] });
        const kept = await new GatewayClient({ url: again.url, key: guest.secret.toHex(), protocol: 2 }).push();
        assertEquals([kept.subscriptions.length, kept.rules.length], [1, 1]);
        await again.stop();
      } finally {
        await gateway.stop();
        await broker.stop();
      }
    }),
});
