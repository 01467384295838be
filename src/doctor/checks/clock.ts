/**
 * Whether the clock is right, measured at Jeedom's as NTP does it: its answer is held against the middle of the time
 * that asking took.
 *
 * @module
 */
import type { Check } from "../check.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";
import type { JeedomState } from "../jeedom_state.ts";

/** More than this shows in no synchronized house, in seconds. */
const WARNING_SECONDS = 5;

const REMEDY = "See on both machines which of the two is wrong: timedatectl. Then: sudo timedatectl set-ntp true";

/** A measured clock. */
interface Measurement {
  /** How far Jeedom's clock is ahead of this machine's, in seconds. */
  readonly offset: number;
  /** How far off that may be, in seconds. */
  readonly uncertainty: number;
}

/** The clock of this machine. */
export const CLOCK: Check = {
  name: "clock",
  async look(house, signal) {
    const measured = measure(await house.jeedom(signal));
    if (measured === undefined) return skipped("Needs an answer of Jeedom, whose clock is the other one");
    return judge(measured, house.config.MAX_AGE_SECONDS);
  },
};

function measure(state: JeedomState): Measurement | undefined {
  if (state.kind === "jeedom" && state.key.kind === "accepted" && state.key.seconds !== undefined) {
    return between(state.key.reply, { seconds: state.key.seconds, grain: 0 });
  }
  if (state.kind !== "jeedom" && state.kind !== "strange") return undefined;
  const date = Date.parse(state.reply.headers.get("Date") ?? "");
  // The header leaves out what is less than a second.
  return Number.isNaN(date) ? undefined : between(state.reply, { seconds: date / 1000, grain: 1 });
}

function between(
  { began, ended }: { readonly began: number; readonly ended: number },
  { seconds, grain }: { readonly seconds: number; readonly grain: number },
): Measurement {
  return {
    offset: seconds + grain / 2 - (began + ended) / 2000,
    uncertainty: (ended - began) / 2000 + grain / 2,
  };
}

function judge({ offset, uncertainty }: Measurement, maxAgeSeconds: number): Finding {
  const margin = `(± ${uncertainty.toFixed(2)} s)`;
  const size = Math.abs(offset);
  // What is certain, whatever the answer took.
  const atLeast = size - uncertainty;
  const message = `This machine's clock is ${size.toFixed(2)} s ${
    offset > 0 ? "behind" : "ahead of"
  } Jeedom's ${margin}`;
  if (atLeast > maxAgeSeconds / 2) {
    return failed(`${message}: at ${maxAgeSeconds} s, requests of phones with right clocks are refused`, REMEDY);
  }
  return atLeast > WARNING_SECONDS ? warning(message, REMEDY) : ok(`${size.toFixed(2)} s from Jeedom's ${margin}`);
}
