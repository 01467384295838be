/** A request through the whole handler, in both versions: valid, with an unknown key, and repeated. */
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
const unknown = await sealEnvelope(await importKey(randomBytes(32)), request, randomBytes);
const repeated = await gateway.seal(request);
const phone2 = await gateway.phone(gateway.secret, { version: 2 });
const unknownPhone2 = await gateway.phone(randomBytes(32), { version: 2 });
const { text: unknown2 } = await unknownPhone2.sealNow("/gateway", {});
const { text: repeated2 } = await phone2.sealNow("/gateway", {});
const post = (body: string) => new Request("http://gateway/gateway", { method: "POST", body });

Deno.bench("seal a request, as a client does", { group: "request", baseline: true }, async () => {
  await gateway.seal(request);
});

Deno.bench("seal it, admit it, answer it", { group: "request" }, async () => {
  await (await gateway.send(post(await gateway.seal(request)))).text();
});

Deno.bench("seal it, admit it, answer it, in version 2", { group: "request" }, async () => {
  const { response } = await phone2.exchange("/gateway", JSON.parse(request));
  await response.text();
});

Deno.bench("refuse an unknown key", { group: "request" }, async () => {
  await (await gateway.send(post(unknown))).text();
});

Deno.bench("refuse an unknown key of version 2", { group: "request" }, async () => {
  await (await gateway.send(post(unknown2))).text();
});

Deno.bench("answer a repeat", { group: "request" }, async () => {
  await (await gateway.send(post(repeated))).text();
});

Deno.bench("answer a repeat of version 2", { group: "request" }, async () => {
  await (await gateway.send(post(repeated2))).text();
});
