/**
 * Whether the clock is right, measured at Jeedom's as NTP does it: its answer is held against the middle of the time
 * that asking took.
 *
 * @module
 */
import type { Reply } from "../../lib/http_probe.ts";
import type { Check } from "../check.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";
import type { JeedomState } from "../jeedom_state.ts";

/** More than this shows in no synchronized house, in seconds. */
const WARNING_SECONDS = 5;

const REMEDY = "See on both machines which of the two is wrong: timedatectl. Then: sudo timedatectl set-ntp true";

/** What Jeedom's clock showed, and when. */
interface Reading {
  /** The answer that told it. */
  readonly reply: Reply;
  /** The middle of what it may have been then, in seconds since 1970. */
  readonly seconds: number;
  /** How far off that may be, in seconds. */
  readonly margin: number;
}

/** The clock of this machine. */
export const CLOCK: Check = {
  name: "clock",
  async run(house, signal) {
    const reading = read(await house.jeedom(signal));
    if (reading === undefined) return skipped("Needs an answer of Jeedom, whose clock is the other one");
    return judge(reading, house.config.replay.maxAgeSeconds);
  },
};

function read(state: JeedomState): Reading | undefined {
  if (state.kind === "jeedom" && state.key.kind === "accepted" && state.key.seconds !== undefined) {
    return { reply: state.key.reply, seconds: state.key.seconds, margin: 0 };
  }
  if (state.kind === "failure") return undefined;
  const date = Date.parse(state.reply.headers.get("Date") ?? "");
  // The header leaves out what is less than a second.
  return Number.isNaN(date) ? undefined : { reply: state.reply, seconds: date / 1000 + 0.5, margin: 0.5 };
}

function judge({ reply: { began, ended }, seconds, margin }: Reading, maxAgeSeconds: number): Finding {
  const offset = seconds - (began + ended) / 2000;
  const uncertainty = margin + (ended - began) / 2000;
  const within = `(± ${uncertainty.toFixed(2)} s)`;
  const size = Math.abs(offset);
  // What is certain, whatever the answer took.
  const atLeast = size - uncertainty;
  const direction = offset > 0 ? "behind" : "ahead of";
  const message = `This machine's clock is ${size.toFixed(2)} s ${direction} Jeedom's ${within}`;
  if (atLeast > maxAgeSeconds / 2) {
    return failed(`${message}: at ${maxAgeSeconds} s, requests of phones with right clocks are refused`, REMEDY);
  }
  return atLeast > WARNING_SECONDS ? warning(message, REMEDY) : ok(`${size.toFixed(2)} s from Jeedom's ${within}`);
}
