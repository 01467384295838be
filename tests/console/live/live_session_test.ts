import { assertEquals } from "@std/assert";
import type { StreamEvent } from "../../../src/client/gateway_client.ts";
import { LiveSession } from "../../../src/console/screens/live/live_session.ts";

const event = (topic: string, payload = "1", timestamp = 1000): StreamEvent => ({
  type: "message",
  topic,
  payload,
  qos: 0,
  retain: false,
  timestamp,
  epoch: "e",
  offset: 1,
});

const connected = (offset?: number): StreamEvent => ({
  type: "connected",
  topic: "#",
  topics: ["#"],
  message: "",
  ...offset === undefined ? {} : { epoch: "e", offset },
});

const broken: StreamEvent = { type: "disconnected", message: "", timestamp: 1 };

/** Makes a session with a clock and frames of its own. */
function makeSession() {
  const frames: (() => void)[] = [];
  const clock = { now: 1_000_000 };
  const session = new LiveSession({
    now: () => clock.now,
    requestFrame: (run) => void frames.push(run),
    clockDifference: () => 0,
  });
  const frame = () => frames.splice(0).forEach((run) => run());
  return { session, clock, frames, frame };
}

Deno.test("LiveSession asks for one frame, and updates in it the topics that messages came for", () => {
  const { session, frames, frame } = makeSession();
  session.hear("mqtt", event("a"));
  session.hear("mqtt", event("b"));
  assertEquals(frames.length, 1);
  const [a, b] = [...session.store.topics].map((topic) => session.versionOf(topic));
  frame();
  session.hear("mqtt", event("b"));
  session.hear("mqtt", event("b"));
  frame();
  assertEquals([a?.value, b?.value], [1, 2]);
});

Deno.test("LiveSession tells of new topics seldom, and of all in the end", () => {
  const { session, clock, frame } = makeSession();
  session.hear("mqtt", event("a"));
  frame();
  assertEquals(session.structure.value, 1);
  session.hear("mqtt", event("b"));
  frame();
  frame();
  assertEquals(session.structure.value, 1);
  clock.now += 300;
  frame();
  assertEquals(session.structure.value, 2);
});

Deno.test("LiveSession keeps what comes while it is paused, and shows all of it afterwards", () => {
  const { session, frame } = makeSession();
  session.pause();
  for (const payload of ["1", "2", "3"]) session.hear("mqtt", event("a", payload));
  frame();
  assertEquals([session.held.value, session.store.size], [3, 0]);
  session.resume();
  assertEquals([...session.store.messages].map(({ payload }) => payload), ["1", "2", "3"]);
  assertEquals([session.held.value, session.isPaused.value], [0, false]);
});

Deno.test("LiveSession drops the oldest of too many messages while it is paused, and tells that as one gap", () => {
  const { session } = makeSession();
  session.pause();
  for (let index = 0; index < 130; index++) session.hear("mqtt", event("a", `${index}${"x".repeat(500_000)}`));
  assertEquals(session.incidents.value.map(({ kind }) => kind), ["overflow"]);
  session.resume();
  assertEquals([...session.store.messages].at(-1)?.payload?.slice(0, 3), "129");
});

Deno.test("LiveSession tells a resume without loss from a gap, a slow device from a broken stream, and offline sources", () => {
  const { session } = makeSession();
  session.hear("mqtt", connected(1));
  session.hear("mqtt", broken);
  session.hear("mqtt", connected(9));
  session.hear("mqtt", { type: "error", code: "too_slow", message: "", timestamp: 1 });
  session.hear("mqtt", connected());
  session.hear("mqtt", { type: "gap", message: "", timestamp: 1 });
  session.hear("mqtt", { type: "offline", message: "", timestamp: 1 });
  session.hear("mqtt", { type: "online", message: "", timestamp: 1 });
  assertEquals(session.incidents.value.map(({ kind }) => kind), [
    ...["interrupted", "resumed", "slow", "gap", "offline", "online"] as const,
  ]);
});

Deno.test("LiveSession keeps the newest of very many incidents", () => {
  const { session } = makeSession();
  for (let index = 0; index < 500; index++) session.hear("mqtt", broken);
  assertEquals([session.incidents.value.length, session.incidents.value.at(-1)?.id], [100, 500]);
});

Deno.test("LiveSession gives a message that was sent earlier its own time", () => {
  const { session } = makeSession();
  session.hear("mqtt", event("now", "1", 999));
  session.hear("mqtt", event("earlier", "1", 900));
  assertEquals([...session.store.topics].map(({ at }) => at), [1_000_000, 900_000]);
});

Deno.test("LiveSession tells a message that was left out apart from a gap, and names its topic", () => {
  const { session } = makeSession();
  const gap = (message: string): StreamEvent => ({ type: "gap", message, timestamp: 1, epoch: "e", offset: 1 });
  session.hear(
    "mqtt",
    gap("Message on home/is larger than 1 bytes: left out/x is larger than 8388608 bytes: left out"),
  );
  session.hear("home_assistant", gap("State of sensor.large is larger than 8 bytes: left out"));
  session.hear("mqtt", gap("Messages may be missing before what follows"));
  assertEquals(session.incidents.value.map(({ kind, topic }) => [kind, topic]), [
    ["omitted", "home/is larger than 1 bytes: left out/x"],
    ["omitted", "sensor.large"],
    ["gap", undefined],
  ]);
});
