/** Subscriptions at a fake gateway. */
import { assertEquals } from "@std/assert";
import { type ClientTests, type Line, QUICK } from "./client_program.ts";
import { type Respond, withFakeGateway } from "./tcp_gateway.ts";
import type { ClientRequest } from "./client_request.ts";

/** Shortens events: to the numbers of messages, and the types of others. */
export const received = (lines: readonly Line[]) =>
  lines.filter((line) => "type" in line).map((line) => line["payload"] ?? line["type"]);

/** Number of failed tries before each wait. */
export const waits = (lines: readonly Line[]) => lines.flatMap((line) => "backoff" in line ? [line["backoff"]] : []);

/** Choices for a subscription. */
export interface Subscribing {
  /** Number of messages after which it is closed; never by default. */
  readonly count?: number;
  readonly choices?: unknown;
  readonly version?: string;
}

/** Subscribes at a fake gateway until the subscription has ended; all responses must have been used. */
export function subscribing(tests: ClientTests) {
  return (
    responses: readonly Respond[],
    { count = 0, choices = {}, version = "auto" }: Subscribing,
    check: (lines: readonly Line[], requests: readonly ClientRequest[]) => void,
  ): Promise<void> =>
    withFakeGateway(responses, async (gateway) => {
      const args = ["subscribe", String(count), JSON.stringify(choices), "#"];
      const ended = (line: Line) => "end" in line || "failure" in line;
      const lines = await tests.all(gateway, args, { ...QUICK, CLIENT_PROTOCOL: version });
      assertEquals(gateway.requests.length, responses.length, JSON.stringify(lines));
      assertEquals(lines.findIndex(ended), lines.length - 1, JSON.stringify(lines));
      check(lines, gateway.requests);
    });
}
