/** Signal that tells a service that its client has left, on the real server. */
import { assertEquals } from "@std/assert";
import { type Service, textReply } from "../../src/services/service.ts";
import { within } from "../support/deadline.ts";
import { makeGateway } from "../support/gateway.ts";

for (const moment of ["while the service runs", "before the service runs"]) {
  Deno.test(`a service learns of a client that leaves ${moment}`, async () => {
    const isEarly = moment === "before the service runs";
    const admitting = Promise.withResolvers<void>();
    const running = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    const abandoned = Promise.withResolvers<void>();
    const service: Service = {
      name: "jeedom",
      fieldErrorStatus: 400,
      target: () => undefined,
      async handle(_payload, context) {
        running.resolve();
        await left.promise;
        const { clientSignal } = context;
        if (clientSignal.aborted) abandoned.resolve();
        clientSignal.addEventListener("abort", () => abandoned.resolve());
        await abandoned.promise;
        return textReply(200, "late");
      },
    };
    const { replays } = await makeGateway();
    await using gateway = await makeGateway({
      services: [service],
      replays: {
        ...replays,
        async claim(identity) {
          admitting.resolve();
          if (isEarly) await left.promise;
          return replays.claim(identity);
        },
      },
    });
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => gateway.send(request),
    );
    const { text } = await gateway.sealNow("/gateway", { service: "jeedom" });
    const client = new AbortController();
    const url = `http://127.0.0.1:${server.addr.port}/gateway`;
    const answer = fetch(url, { method: "POST", body: text, signal: client.signal }).catch(() => "none");
    await within("the request", isEarly ? admitting.promise : running.promise);
    client.abort();
    assertEquals(await answer, "none");
    left.resolve();
    await within("its abort", abandoned.promise);
  });
}
