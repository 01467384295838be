/** A whole request through the handler: good, of a stranger, and repeated. */
import { randomBytes } from "../src/protocol/bytes.ts";
import { sealEnvelope } from "../src/protocol/envelope.ts";
import { importKey } from "../src/protocol/secret_key.ts";
import { makeGateway, NOW } from "../tests/gateway/fixture.ts";
import { createMemoryReplayStore } from "../src/security/memory_replay_store.ts";

const gateway = await makeGateway({
  replays: createMemoryReplayStore({
    seconds: 120,
    maxBytes: 2 ** 30,
    maxAnswerBytes: 2 ** 20,
    since: NOW,
    monotonic: () => performance.now(),
  }),
});
const request = JSON.stringify({ service: "jeedom", jsonrpc: "ping", timestamp: NOW, pad: "x".repeat(100) });
const stranger = await sealEnvelope(await importKey(randomBytes(32)), request, randomBytes);
const repeated = await gateway.seal(request);
const post = (body: string) => new Request("http://gateway/gateway", { method: "POST", body });

Deno.bench("seal a request, as a phone does", { group: "request", baseline: true }, async () => {
  await gateway.seal(request);
});

Deno.bench("seal it, admit it, answer it", { group: "request" }, async () => {
  await (await gateway.send(post(await gateway.seal(request)))).text();
});

Deno.bench("refuse a stranger", { group: "request" }, async () => {
  await (await gateway.send(post(stranger))).text();
});

Deno.bench("answer a repeat", { group: "request" }, async () => {
  await (await gateway.send(post(repeated))).text();
});
