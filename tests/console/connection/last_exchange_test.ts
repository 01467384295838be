import { assertEquals } from "@std/assert";
import { ExchangeRecorder, type LastExchange } from "../../../src/console/connection/last_exchange.ts";

function makeRecorder() {
  const recorded: LastExchange[] = [];
  const recorder = new ExchangeRecorder({
    fetch: () => Promise.resolve(new Response("2.answer")),
    record: (exchange) => recorded.push(exchange),
  });
  const send = (body: string) => recorder.fetch("https://home.example/prefix/gateway", { method: "POST", body });
  return { recorded, recorder, send };
}

Deno.test("ExchangeRecorder records a request beside its envelope", async () => {
  const { recorded, recorder, send } = makeRecorder();
  const request = { service: "action", name: "open-gate" };
  await recorder.observe(request, () => send("2.kid.sealed"));
  await send("2.kid.of-a-stream");
  assertEquals(recorded, [{ request, path: "/prefix/gateway", envelope: "2.kid.sealed", status: 200 }]);
});

Deno.test("ExchangeRecorder records none of two requests at the same time", async () => {
  const { recorded, recorder, send } = makeRecorder();
  await Promise.all([recorder.observe({ n: 1 }, () => send("2.a")), recorder.observe({ n: 2 }, () => send("2.b"))]);
  assertEquals(recorded, []);
});
