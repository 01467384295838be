/**
 * Check of the gateway on its port: it runs in this version, and has the keys in the files.
 *
 * @module
 */
import { isObject, tryParseJson } from "../../lib/json.ts";
import { visibleLine } from "../../lib/visible.ts";
import { openAnswer } from "../../protocol/exchange.ts";
import { type Check, failed, type Finding, forbidden, ok, skipped, warning } from "../check.ts";
import type { DoctorContext } from "../context.ts";
import type { GatewayProbe } from "../gateway_probe.ts";

/** Message of checks that depend on the gateway; only this check reports the failure and its remedy. */
export const NOT_RUNNING = "The gateway does not run";

/** Longest error text of a gateway, in characters. */
const MAX_ERROR_LENGTH = 100;

/** Check of the gateway on its port. */
export const GATEWAY: Check = {
  name: "gateway",
  async run(context, signal) {
    const { config: { server: { port } }, version } = context;
    const state = await context.gateway(signal);
    switch (state.kind) {
      case "unknown_port":
        return skipped("PORT is 0, so only the log shows the port", "Set PORT to have the gateway checked");
      case "forbidden":
        return forbidden();
      case "free":
        return failed(`It does not run: port ${port} is free`, "Start the gateway: deno task start");
      case "unavailable":
        return failed(`Port ${port} ${state.message}`, "Fix HOST and PORT");
      case "other":
        return failed(
          `Port ${port} is taken by another program, which ${state.message}`,
          `Stop that program (find it with sudo ss -ltnp "sport = :${port}"), or set PORT to a free one`,
        );
      case "silent":
        return failed(
          `Port ${port} is taken, and ${state.message}: the gateway hangs, or another program is there`,
          `Restart the gateway; stop another program (find it with sudo ss -ltnp "sport = :${port}"), or set PORT to a ` +
            "free one",
        );
      case "tls_name_mismatch":
        return ok(`Port ${port} speaks TLS with a certificate that is not for this address: see public_url`);
      case "gateway": {
        const finding = await reportProbe(context, await context.probe(signal));
        if (finding.status === "failed" || state.version === version) return finding;
        return warning(
          `Version ${state.version} runs on port ${port}, and ${version} is installed`,
          "Restart the gateway",
        );
      }
    }
  },
};

async function reportProbe(
  { config: { server: { port } }, version }: DoctorContext,
  probe: GatewayProbe | undefined,
): Promise<Finding> {
  const runs = `Version ${version} runs on port ${port}`;
  if (probe?.answer === undefined) return ok(`${runs}; there is no key to test it with`);
  const { answer, key, exchange } = probe;
  if (answer.kind === "failure") {
    return failed(`Port ${port} ${answer.message}`, "Restart the gateway, and see its log");
  }
  if (answer.status === 401) {
    return failed(
      `The gateway on port ${port} does not have key "${key}" of these files`,
      "Run the doctor where the gateway runs, with the same settings; or restart the gateway",
    );
  }
  if (answer.status !== 200) {
    const body = tryParseJson(answer.text);
    const reason = isObject(body) ? visibleLine(String(body["error"])).slice(0, MAX_ERROR_LENGTH) : "no reason";
    return failed(`The gateway answers HTTP ${answer.status}: ${reason}`, "Try again in a minute; then see its log");
  }
  try {
    await openAnswer(exchange, answer.text);
    return ok(`${runs} and has key "${key}"`);
  } catch {
    return failed(`The answer on port ${port} does not open with key "${key}"`, "Restart the gateway");
  }
}
