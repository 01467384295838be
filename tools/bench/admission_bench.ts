/** A whole request through the handler, in both versions: good, of a stranger, and repeated. */
import { randomBytes } from "../../src/protocol/bytes.ts";
import { sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import { makeGateway, NOW } from "../../tests/support/gateway.ts";
import { createMemoryReplayStore } from "../../src/store/memory_replay.ts";

const gateway = await makeGateway({
  replays: createMemoryReplayStore({
    limits: { maxAgeSeconds: 60, memoryBytes: 2 ** 30, answerBytes: 2 ** 20 },
    since: NOW,
    monotonic: () => performance.now(),
  }),
});
const request = JSON.stringify({ service: "jeedom", jsonrpc: "ping", timestamp: NOW, pad: "x".repeat(100) });
const stranger = await sealEnvelope(await importKey(randomBytes(32)), request, randomBytes);
const repeated = await gateway.seal(request);
const modern = await gateway.phone(gateway.secret, { version: 2 });
const stranger2 = await gateway.phone(randomBytes(32), { version: 2 });
const { text: strange2 } = await stranger2.sealNow("/gateway", {});
const { text: repeated2 } = await modern.sealNow("/gateway", {});
const post = (body: string) => new Request("http://gateway/gateway", { method: "POST", body });

Deno.bench("seal a request, as a phone does", { group: "request", baseline: true }, async () => {
  await gateway.seal(request);
});

Deno.bench("seal it, admit it, answer it", { group: "request" }, async () => {
  await (await gateway.send(post(await gateway.seal(request)))).text();
});

Deno.bench("seal it, admit it, answer it, in version 2", { group: "request" }, async () => {
  const { response } = await modern.exchange("/gateway", JSON.parse(request));
  await response.text();
});

Deno.bench("refuse a stranger", { group: "request" }, async () => {
  await (await gateway.send(post(stranger))).text();
});

Deno.bench("refuse a stranger of version 2", { group: "request" }, async () => {
  await (await gateway.send(post(strange2))).text();
});

Deno.bench("answer a repeat", { group: "request" }, async () => {
  await (await gateway.send(post(repeated))).text();
});

Deno.bench("answer a repeat of version 2", { group: "request" }, async () => {
  await (await gateway.send(post(repeated2))).text();
});
