/** The clock of the gateway's machine is wrong when it starts, and is set right while it runs. */
import { assert, assertEquals } from "@std/assert";
import { faketimeEnv, LIBFAKETIME, setClock } from "../../reliability/chaos/libfaketime.ts";
import { until } from "../deadline.ts";
import { inTempDir } from "../temp_dir.ts";
import { needing } from "../needs.ts";
import { startGatewayProcess } from "./gateway_process.ts";

for (const ahead of [90, 7200]) {
  Deno.test(
    needing(
      `a gateway that starts ${ahead} s ahead serves within seconds of its clock being set right, and says so meanwhile`,
      { faketime: LIBFAKETIME },
    ),
    () =>
      inTempDir(async (directory) => {
        await setClock(directory, ahead);
        const gateway = await startGatewayProcess(faketimeEnv(), { directory });
        try {
          const published = async () => (await gateway.client.publish("t", "m").catch(() => undefined))?.status === 200;
          const ready = async () => {
            const response = await fetch(`${gateway.metricsUrl}/health/ready`);
            const { failing }: { failing: string[] } = await response.json();
            return failing;
          };
          await setClock(directory, 0);
          let wasUnready = false;
          await until("requests run", async () => {
            wasUnready ||= (await ready()).includes("clock");
            return await published();
          });
          assert(wasUnready, "Ready while everything is refused");
          assertEquals((await ready()).includes("clock"), false);
          const told = gateway.output.lines.filter((line) => line.includes("Clock was set"));
          assertEquals(told.length, 1);
        } finally {
          await gateway.stop();
        }
      }),
  );
}
