/**
 * Repeated requests.
 *
 * @module
 */
import { expectRefusal, type Fields } from "../answer.ts";
import { BOTH, type Subject } from "../check.ts";
import { expect, expectEqual } from "../mismatch.ts";
import { HARMLESS, type Probe, type SealedRequest } from "../probe.ts";

/** Number of requests at once. */
const CONCURRENT = 5;

/** Checks of repeated requests. */
export const REPLAY: Subject = {
  name: "Replay",
  checks: [
    {
      name: "a repeat gets the first answer",
      rule: "The gateway sends the first answer again, the very same envelope",
      versions: BOTH,
      async run(probe) {
        const { request, reply } = await probe.ask("/gateway", HARMLESS);
        await expectSame(probe, { request: request.text, first: reply.text });
      },
    },
    {
      name: "a repeat in another encoding",
      rule: "A request is recognized by its decoded nonce, whatever the white space in its base64",
      versions: [1],
      async run(probe) {
        const { request, reply } = await probe.ask("/gateway", HARMLESS);
        await expectSame(probe, {
          request: `${request.text.slice(0, 9)}\n${request.text.slice(9)} `,
          first: reply.text,
        });
      },
    },
    {
      name: "a repeat runs nothing",
      rule: "A repeat never runs: a door does not open twice",
      versions: BOTH,
      needs: "broker",
      async run(probe) {
        const topic = probe.freshTopic();
        await using stream = await probe.subscribe({ topic, qos: 1 });
        const { request, reply } = await probe.ask("/mqtt/publish", { topic, message: "once", qos: 1 });
        for (let repeat = 0; repeat < 3; repeat++) {
          expectEqual("answer", { seen: (await probe.post("/mqtt/publish", request.text)).text, expected: reply.text });
        }
        await probe.ask("/mqtt/publish", { topic, message: "end", qos: 1 });
        const messages = await stream.messagesBefore("end");
        expectEqual("messages", { seen: messages.map(({ payload }) => payload), expected: ["once"] });
      },
    },
    {
      name: "the same request several times at once",
      rule: "While the first still runs, the repeat waits for it",
      versions: BOTH,
      needs: "broker",
      async run(probe) {
        const topic = probe.freshTopic();
        await using stream = await probe.subscribe({ topic, qos: 2 });
        const answers = await probe.retryWhileLimited(async () => {
          const request = await probe.seal("/mqtt/publish", { topic, message: "once", qos: 2 });
          const post = async () => {
            const reply = await probe.post("/mqtt/publish", request.text);
            return { text: reply.text, status: (await probe.open(request, reply)).status };
          };
          return await Promise.all(Array.from({ length: CONCURRENT }, post));
        }, (all) => all.some(({ status }) => status === 429));
        expectEqual("different answers", { seen: new Set(answers.map(({ text }) => text)).size, expected: 1 });
        expectEqual("status", { seen: answers[0]?.status, expected: 200 });
        await probe.ask("/mqtt/publish", { topic, message: "end", qos: 2 });
        const messages = await stream.messagesBefore("end");
        expectEqual("messages", { seen: messages.map(({ payload }) => payload), expected: ["once"] });
      },
    },
    {
      name: "a repeat on another route",
      rule: "Replay protection spans all routes: the first answer again, the very same envelope",
      versions: [1],
      async run(probe) {
        const { request, reply } = await probe.ask("/gateway", HARMLESS);
        const again = await probe.post("/mqtt/publish", request.text);
        expectEqual("answer", { seen: [again.status, again.text], expected: [200, reply.text] });
      },
    },
    {
      name: "a subscribe request again, on another route",
      rule: "409 `Request was executed already, and its answer is no longer kept`",
      versions: [1],
      async run(probe) {
        const request = await subscribeOnce(probe, {});
        expectRefusal(await probe.open(request, await probe.post("/gateway", request.text)), {
          status: 409,
          error: "Request was executed already, and its answer is no longer kept",
        });
      },
    },
    {
      name: "a request again, on another route",
      rule: "401 `Decryption failed`: the route is part of the envelope",
      versions: [2],
      async run(probe) {
        const { request } = await probe.ask("/gateway", HARMLESS);
        const { status, text } = await probe.post("/mqtt/publish", request.text);
        expectEqual("answer", { seen: [status, text], expected: [401, '{"error":"Decryption failed"}'] });
      },
    },
    {
      name: "another request with the same nonce or salt",
      rule: "403 `Nonce used before: take a fresh random one`",
      versions: BOTH,
      async run(probe) {
        const fixed = probe.random(16);
        const random = (length: number) => fixed.slice(0, length);
        const [first, second] = await probe.retryWhileLimited(async () => {
          const sealed = await Promise.all(
            ["one", "two"].map((note) => probe.seal("/gateway", { ...HARMLESS, note }, { random })),
          );
          const answers = [];
          for (const request of sealed) {
            answers.push(await probe.open(request, await probe.post("/gateway", request.text)));
          }
          return answers;
        }, (answers) => answers.some(({ status }) => status === 429));
        expect(first !== undefined && second !== undefined, "No answers");
        expectRefusal(second, { status: 403, error: "used before" });
      },
    },
    {
      name: "a repeated subscription",
      rule: "An `error` event `Request was used before: seal a new one for each subscription`",
      versions: BOTH,
      async run(probe) {
        const request = await subscribeOnce(probe, { topic: probe.freshTopic() });
        await using stream = await probe.openStream(request);
        const { type, message } = stream.first.event;
        expectEqual("event", {
          seen: [type, message],
          expected: ["error", "Request was used before: seal a new one for each subscription"],
        });
        await stream.ended();
      },
    },
  ],
};

async function expectSame(
  probe: Probe,
  { request, first }: { readonly request: string; readonly first: string },
): Promise<void> {
  const { status, text } = await probe.post("/gateway", request);
  expectEqual("answer to the repeat", { seen: [status, text], expected: [200, first] });
}

/** Subscribes, closes the stream at once, and returns the request; a new one while the key is over its rate limit. */
async function subscribeOnce(probe: Probe, fields: Fields): Promise<SealedRequest> {
  const { request } = await probe.retryWhileLimited(async () => {
    const request = await probe.seal("/mqtt/subscribe", fields);
    await using stream = await probe.openStream(request);
    return { request, message: String(stream.first.event["message"]) };
  }, ({ message }) => message.startsWith("Too many "));
  return request;
}
