/** A flood of garbage against the real process: its memory, and its effect on another client. */
import { assert, assertEquals } from "@std/assert";
import type { GatewayClient } from "../../src/client/gateway_client.ts";
import { within } from "../support/deadline.ts";
import { sendGarbage } from "../support/garbage.ts";
import { clientAt } from "../support/client_at.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";

const portOf = (url: string) => Number(new URL(url).port);

async function publishes(phone: GatewayClient): Promise<void> {
  for (let index = 0; index < 20; index++) assertEquals((await phone.publish("t", "m")).status, 200);
}

Deno.test("200 MB of garbage bodies take bounded memory, and a client at another address is served meanwhile", async () => {
  // The process crashes if its heap exceeds this limit, which is less than all the bodies together.
  const gateway = await startGatewayProcess({ RATE_LIMITS: "off" }, { flags: ["--v8-flags=--max-old-space-size=96"] });
  try {
    await within("the flood", flood(), 120_000);
  } finally {
    await gateway.stop();
  }

  async function flood(): Promise<void> {
    const phone = clientAt("198.51.100.7", gateway);
    const options = { port: portOf(gateway.url), forwardedFor: "203.0.113.9", bytes: 7500 };
    const pours = Array.from({ length: 4 }, () => sendGarbage(options, (sent) => sent < 5000));
    const [statuses] = await Promise.all([Promise.all(pours), publishes(phone)]);
    const count = (status: string) => statuses.reduce((sum, one) => sum + (one.get(status) ?? 0), 0);
    assertEquals(count("401"), 20_000);
    assertEquals((await phone.publish("t", "m")).status, 200);
    const lines = gateway.output.lines.filter((line) => line.includes("203.0.113.9")).length;
    assert(lines < 100, `${lines} lines in the log`);
  }
});

Deno.test("a flood from one address is refused unopened, and a client at another is served meanwhile", async () => {
  const gateway = await startGatewayProcess();
  try {
    const phone = clientAt("198.51.100.7", gateway);
    const options = { port: portOf(gateway.url), forwardedFor: "203.0.113.9", bytes: 1000 };
    const [statuses] = await Promise.all([sendGarbage(options, (answers) => answers < 3000), publishes(phone)]);
    assertEquals([...statuses.keys()].toSorted(), ["401", "429"]);
    assert((statuses.get("401") ?? 0) < 300, `${statuses.get("401")} bodies were opened`);
  } finally {
    await gateway.stop();
  }
});

Deno.test("X-Forwarded-For from an address that is not a proxy does not circumvent the rate limit", async () => {
  const gateway = await startGatewayProcess({ TRUSTED_PROXIES: "192.0.2.1" });
  try {
    const options = { port: portOf(gateway.url), bytes: 100 };
    let answers = 0;
    for (let index = 0; index < 10; index++) {
      const found = await sendGarbage({ ...options, forwardedFor: `198.51.100.${index}` }, (sent) => sent < 100);
      answers += found.get("401") ?? 0;
    }
    assert(answers < 300, `${answers} bodies were opened`);
  } finally {
    await gateway.stop();
  }
});
