/** No message is lost or repeated, wherever streams are cut. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { within } from "../support/deadline.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { final } from "./follow.ts";
import {
  type Answerer,
  blocks,
  bodyOf,
  clientOf,
  connected,
  message,
  position,
  refuse,
  stream,
  unreachable,
  VERSIONS,
} from "../support/fake_gateway.ts";

/** Messages and end of one stream. */
interface StreamPlan {
  /** Messages that are published before it begins, by the distance of their offsets. */
  readonly published: readonly number[];
  /** Part of its bytes that arrives, from 0 to 1. */
  readonly part: number;
  /** Sizes of the pieces in which they arrive, in bytes. */
  readonly pieces: readonly number[];
  /** End of the connection. */
  readonly end: "ends" | "breaks";
  /** Reason in the last event, with the position to resume from; none if the stream has no last event. */
  readonly last: "disconnected" | "too slow" | "none";
}

const plans: fc.Arbitrary<StreamPlan> = fc.record({
  published: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 }),
  part: fc.double({ min: 0, max: 1, noNaN: true }),
  pieces: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 3 }),
  end: fc.constantFrom("ends", "breaks"),
  last: fc.constantFrom("disconnected", "too slow", "none", "none"),
});

const refusals: readonly Answerer[] = [
  unreachable,
  refuse(503, { "Retry-After": "2" }),
  stream([final("error", "MQTT error: Broker is unavailable")]),
  stream([]),
];

/** Gateway with a history of all messages, by their offsets. */
class History {
  readonly offsets: number[] = [];

  publish(steps: readonly number[]): void {
    for (const step of steps) this.offsets.push((this.offsets.at(-1) ?? 0) + step);
  }

  /** Answers with the messages after the requested position, cut as planned. */
  answer({ published, part, pieces, end, last }: StreamPlan, { isFirst }: { readonly isFirst: boolean }): Answerer {
    return async (request, signal) => {
      const { fields: { since }, exchange } = request;
      const from = isFirst ? 0 : Number(Object(since)["offset"]);
      this.publish(published);
      const rest = this.offsets.filter((offset) => offset > from);
      if (last !== "none") {
        const sent = rest.slice(0, Math.floor(part * rest.length));
        const event = last === "disconnected"
          ? final("disconnected", "Broker disconnected")
          : { ...final("error", "Too slow"), resume: position(sent.at(-1) ?? from) };
        return await stream([connected(from), ...sent.map(message), event], end)(request, signal);
      }
      const [begin = "", ...more] = await blocks([connected(from), ...rest.map(message)], exchange);
      const all = begin + more.join("");
      // A first stream that is cut before `connected` would end the subscription, which is not tested here.
      const length = isFirst ? begin.length + part * (all.length - begin.length) : part * all.length;
      return bodyOf(cut(all.slice(0, length), pieces), end, signal);
    };
  }
}

function cut(text: string, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let rest = new TextEncoder().encode(text); rest.length > 0;) {
    const length = lengths[pieces.length % lengths.length] ?? 1;
    pieces.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  return pieces;
}

for (const protocol of VERSIONS) {
  Deno.test(`subscribe() yields every message once and in order, wherever streams of version ${protocol} are cut`, () =>
    fc.assert(
      fc.asyncProperty(
        plans,
        fc.array(fc.oneof({ weight: 3, arbitrary: plans }, fc.constantFrom(...refusals)), { maxLength: 10 }),
        async (first, more) => {
          const history = new History();
          const clock = new FakeClock();
          const answers = more.map((plan) =>
            typeof plan === "function" ? plan : history.answer(plan, { isFirst: false })
          );
          const good: Answerer = (request, signal) => {
            const { since } = request.fields;
            history.publish([1]);
            const from = Number(Object(since)["offset"]);
            const rest = history.offsets.filter((offset) => offset > from);
            return stream([connected(from), ...rest.map(message)], "stays open")(request, signal);
          };
          const { client, requests } = clientOf([history.answer(first, { isFirst: true }), ...answers, good], clock, {
            protocol,
          });

          const seen: number[] = [];
          const read = async () => {
            for await (const event of client.subscribe(["t"])) {
              if (event.type === "message") seen.push(event.offset);
              const isAll = requests.length === more.length + 2 && seen.at(-1) === history.offsets.at(-1);
              if (isAll) return;
            }
          };
          await within("the last message", read());
          assertEquals(seen, history.offsets);
          assertEquals(new Set(requests.map(({ nonce }) => nonce)).size, requests.length);
          clock.assertIdle();
        },
      ),
      { numRuns: 100 },
    ));
}
