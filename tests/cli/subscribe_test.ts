import { assert, assertEquals } from "@std/assert";
import { subscribe } from "../../src/cli/subscribe.ts";
import { until, within } from "../support/deadline.ts";
import { connected, message, stream } from "../support/fake_gateway.ts";
import { final } from "../client/follow.ts";
import { clientMachine } from "../support/client_machine.ts";

Deno.test("subscribe prints messages, and what happens to the stream beside them, until it is stopped", async () => {
  const { platform, requests, notices, stop } = clientMachine(["t"], [
    stream([connected(1), message(2), { type: "gap", message: "Some may be missing", timestamp: 5 }]),
    stream(
      [connected(2), { type: "offline", message: "Broker is unavailable", timestamp: 5 }, message(3)],
      "stays open",
    ),
  ]);
  const code = subscribe(platform);
  await until("the last message", () => platform.lines.length === 2);
  stop();
  assertEquals(await within("the end", code), 0);
  assertEquals(platform.lines, ["t m2", "t m3"]);
  assertEquals(notices.map((line) => line.split(":")[0]), ["connected", "gap", "disconnected", "connected", "offline"]);
  assertEquals(requests.map(({ fields }) => fields["keep"]), [true, true]);
});

Deno.test("subscribe ends at once when it is stopped between two tries", async () => {
  const { platform, notices, stop } = clientMachine(["t"], [stream([connected(1)])]);
  const code = subscribe(platform);
  await until("the stream broke off", () => notices.length === 2);
  stop();
  assertEquals(await within("the end", code), 0);
});

Deno.test("subscribe --once fails when the stream ends", async () => {
  for (const events of [[connected(1), final("disconnected", "Broker disconnected")], [connected(1)]]) {
    const { platform, requests, notices } = clientMachine(["t", "--once"], [stream(events)]);
    assertEquals(await subscribe(platform), 1);
    assert(/Broker disconnected|broke off/.test(notices.at(-1) ?? ""), String(notices));
    assertEquals(requests.map(({ fields }) => fields["keep"]), [false]);
  }
});

Deno.test("subscribe refuses --qos with --entities, and sends nothing", async () => {
  const { platform, requests, notices } = clientMachine(["--entities", "--qos", "0", "sensor.*"], []);
  assertEquals(await subscribe(platform), 2);
  assertEquals([requests.length, notices[0]?.split("\n")[0]], [0, "--qos is for MQTT: remove it, or --entities"]);
});
