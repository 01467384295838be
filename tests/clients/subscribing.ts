/** A subscription at a made-up gateway, from its beginning to its end. */
import { assertEquals } from "@std/assert";
import { type ClientTests, type Line, QUICK } from "./client_program.ts";
import { type Fate, withFakeGateway } from "./fake_gateway.ts";
import type { Visit } from "./visit.ts";

/** The events in short: the numbers of messages, and the types of others. */
export const heard = (lines: readonly Line[]) =>
  lines.filter((line) => "type" in line).map((line) => line["payload"] ?? line["type"]);

/** How many tries had been in vain before each wait. */
export const waits = (lines: readonly Line[]) => lines.flatMap((line) => "backoff" in line ? [line["backoff"]] : []);

/** Choices for a subscription. */
export interface Subscribing {
  /** After how many messages to close it; never by default. */
  readonly count?: number;
  readonly choices?: unknown;
  readonly version?: string;
}

/** Subscribes at a made-up gateway until the subscription has ended; all fates must have been met. */
export function subscribing(tests: ClientTests) {
  return (
    fates: readonly Fate[],
    { count = 0, choices = {}, version = "auto" }: Subscribing,
    check: (lines: readonly Line[], visits: readonly Visit[]) => void,
  ): Promise<void> =>
    withFakeGateway(fates, async (gateway) => {
      const words = ["subscribe", String(count), JSON.stringify(choices), "#"];
      const ended = (line: Line) => "end" in line || "failure" in line;
      const lines = await tests.all(gateway, words, { ...QUICK, CLIENT_PROTOCOL: version });
      assertEquals(gateway.visits.length, fates.length, JSON.stringify(lines));
      assertEquals(lines.findIndex(ended), lines.length - 1, JSON.stringify(lines));
      check(lines, gateway.visits);
    });
}
