/**
 * Whether the gateway runs on its port, and knows the keys in the files.
 *
 * @module
 */
import { visibleLine } from "../../lib/visible.ts";
import { isObject } from "../../lib/json.ts";
import { openAnswer } from "../../protocol/exchange.ts";
import { jsonOf } from "../../lib/http_probe.ts";
import type { Check } from "../check.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";
import type { DoctorContext } from "../context.ts";
import type { GatewayProbe } from "../gateway_probe.ts";

/** Message of checks that depend on the gateway; only this check reports the failure and its remedy. */
export const NOT_RUNNING = "The gateway does not run";

/** What a gateway says in plain text is short, in characters. */
const MAX_WORDS = 100;

/** The gateway's port. */
export const GATEWAY: Check = {
  name: "gateway",
  async run(house, signal) {
    const { config: { server: { port } }, version } = house;
    const state = await house.gateway(signal);
    switch (state.kind) {
      case "anywhere":
        return skipped("PORT is 0, so that only the log tells the port", "Set PORT to have the gateway checked");
      case "free":
        return failed(`It does not run: port ${port} is free`, "Start the gateway: deno task start");
      case "closed":
        return failed(`Port ${port} ${state.words}`, "Mend HOST and PORT");
      case "other":
        return failed(
          `Port ${port} is taken by another program, which ${state.words}`,
          `Stop that program (sudo ss -ltnp "sport = :${port}" tells it), or set PORT to a free one`,
        );
      case "silent":
        return failed(
          `Port ${port} is taken, and ${state.words}: the gateway hangs, or another program is there`,
          `Restart the gateway; stop another program (sudo ss -ltnp "sport = :${port}" tells it), or set PORT to a free one`,
        );
      case "veiled":
        return ok(`Port ${port} speaks TLS with a certificate that is not for this address: see public_url`);
      case "gateway": {
        const heard = await reportAnswer(house, await house.probe(signal));
        if (heard.status === "failed" || state.version === version) return heard;
        return warning(
          `Version ${state.version} runs on port ${port}, and ${version} is installed`,
          "Restart the gateway",
        );
      }
    }
  },
};

async function reportAnswer(
  { config: { server: { port } }, version }: DoctorContext,
  knock: GatewayProbe | undefined,
): Promise<Finding> {
  const runs = `Version ${version} runs on port ${port}`;
  if (knock?.answer === undefined) return ok(`${runs}; there is no key to try it with`);
  const { answer, key, exchange } = knock;
  if (answer.kind === "failure") {
    return failed(`Port ${port} ${answer.words}`, "Restart the gateway, and look into its log");
  }
  if (answer.status === 401) {
    return failed(
      `The gateway on port ${port} does not know key "${key}" of these files`,
      "Run the doctor where the gateway runs, with the same settings; or restart the gateway",
    );
  }
  if (answer.status !== 200) {
    const told = jsonOf(answer);
    const words = isObject(told) ? visibleLine(String(told["error"])).slice(0, MAX_WORDS) : "no reason";
    return failed(
      `The gateway answers HTTP ${answer.status}: ${words}`,
      "Try again in a minute; then look into its log",
    );
  }
  try {
    await openAnswer(exchange, answer.text);
    return ok(`${runs} and knows key "${key}"`);
  } catch {
    return failed(`The answer on port ${port} does not open with key "${key}"`, "Restart the gateway");
  }
}
