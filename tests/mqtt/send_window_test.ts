import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { SendWindow } from "../../src/mqtt/send_window.ts";

Deno.test("enqueue() sends up to the size of the window at once, and the others in order after release()", () => {
  const window = new SendWindow(2);
  const sent: string[] = [];
  for (const name of ["a", "b", "c", "d"]) window.enqueue(() => void sent.push(name));
  assertEquals(sent, ["a", "b"]);
  window.release();
  assertEquals(sent, ["a", "b", "c"]);
  window.release();
  assertEquals(sent, ["a", "b", "c", "d"]);
});

Deno.test("cancel() removes a queued message, and returns false if it was sent", () => {
  const window = new SendWindow(1);
  const sent: string[] = [];
  const first = () => void sent.push("first");
  const second = () => void sent.push("second");
  window.enqueue(first);
  window.enqueue(second);
  assertEquals([window.cancel(first), window.cancel(second), window.cancel(second)], [false, true, false]);
  window.release();
  assertEquals(sent, ["first"]);
  // A canceled message takes no room.
  window.enqueue(second);
  assertEquals(sent, ["first", "second"]);
});

Deno.test("any number of messages can be released while they are sent, as when a connection closes", () => {
  const window = new SendWindow(1);
  let sent = 0;
  window.enqueue(() => void (sent += 1));
  for (let count = 0; count < 100_000; count++) {
    window.enqueue(() => {
      sent += 1;
      window.release();
    });
  }
  window.release();
  assertEquals(sent, 100_001);
});

Deno.test("a window is never exceeded, and never has room while messages are queued", () => {
  const steps = fc.array(fc.oneof(
    fc.constant({ do: "enqueue" as const }),
    fc.constant({ do: "release" as const }),
    fc.nat(20).map((index) => ({ do: "cancel" as const, index })),
  ));
  fc.assert(fc.property(fc.integer({ min: 1, max: 5 }), steps, (size, steps) => {
    const window = new SendWindow(size);
    const entered: (() => void)[] = [];
    const sent: number[] = [];
    const cancelled = new Set<number>();
    let left = 0;
    for (const step of steps) {
      const unacknowledged = sent.length - left;
      if (step.do === "enqueue") {
        const name = entered.length;
        const send = () => void sent.push(name);
        entered.push(send);
        window.enqueue(send);
      } else if (step.do === "release" && unacknowledged > 0) {
        left += 1;
        window.release();
      } else if (step.do === "cancel") {
        const send = entered[step.index];
        if (send !== undefined && window.cancel(send)) cancelled.add(step.index);
      }
      const waiting = entered.length - cancelled.size - sent.length;
      assertEquals(sent.length - left, Math.min(size, sent.length - left + waiting));
    }
    assertEquals(sent, sent.toSorted((one, other) => one - other));
    assertEquals(sent.filter((name) => cancelled.has(name)), []);
  }));
});
