/**
 * A request through the whole handler, in both versions, with each setting of AEAD: valid, with an unknown key, and
 * repeated. The client seals with WebCrypto.
 */
import { randomBytes } from "../../src/protocol/bytes.ts";
import { makeGateway, NOW } from "../../tests/support/gateway.ts";
import { createMemoryReplayStore } from "../../src/store/memory_replay.ts";

const payload = { service: "jeedom", jsonrpc: "ping", pad: "x".repeat(100) };
const route = "/gateway";

for (const aead of ["webcrypto", "native"] as const) {
  const gateway = await makeGateway({
    aead,
    replays: createMemoryReplayStore({
      limits: { maxAgeSeconds: 60, memoryBytes: 2 ** 30, answerBytes: 2 ** 20 },
      since: NOW,
      monotonic: () => performance.now(),
    }),
  });
  const post = (body: string) => gateway.send(new Request("http://gateway/gateway", { method: "POST", body }));
  for (const version of [1, 2] as const) {
    const phone = await gateway.phone(gateway.secret, { version });
    const stranger = await gateway.phone(randomBytes(32), { version });
    const { text: repeated } = await phone.sealNow(route, payload);
    const { text: unknown } = await stranger.sealNow(route, payload);
    const baseline = version === 1;
    const name = (work: string) => `${aead}, version ${version}: ${work}`;

    Deno.bench(name("seal a request, admit it, answer it"), { group: `request, ${aead}`, baseline }, async () => {
      await (await phone.ask(route, payload)).text();
    });

    Deno.bench(name("admit a request, answer it"), { group: `admit, ${aead}`, baseline }, async (bench) => {
      const { text } = await phone.sealNow(route, payload);
      bench.start();
      await (await post(text)).text();
      bench.end();
    });

    Deno.bench(name("refuse an unknown key"), { group: `unknown, ${aead}`, baseline }, async () => {
      await (await post(unknown)).text();
    });

    Deno.bench(name("answer a repeat"), { group: `repeat, ${aead}`, baseline }, async () => {
      await (await post(repeated)).text();
    });
  }
}
