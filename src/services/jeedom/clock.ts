/**
 * Check of this machine's clock against Jeedom's for the doctor, measured as in NTP: Jeedom's time is compared with the middle of the round trip.
 *
 * @module
 */
import { type Check, failed, type Finding, ok, skipped, warning } from "../../doctor/check.ts";
import type { HttpReply } from "../../lib/http_probe.ts";
import { type JeedomState, jeedomState } from "./probe.ts";

/** Offset above which clocks are not synchronized, in seconds. */
const WARNING_SECONDS = 5;

const REMEDY = "Check on both machines which of the two is wrong: timedatectl. Then: sudo timedatectl set-ntp true";

/** Reading of Jeedom's clock. */
interface Reading {
  /** Response that the time is from. */
  readonly reply: HttpReply;
  /** Jeedom's time, in seconds since 1970. */
  readonly seconds: number;
  /** Uncertainty of that time, in seconds. */
  readonly margin: number;
}

/** Check of this machine's clock. */
export const CLOCK_CHECK: Check = {
  name: "clock",
  async run(context, signal) {
    const reading = readClock(await jeedomState(context, signal));
    if (reading === undefined) return skipped("Needs a response of Jeedom, whose clock it is compared with");
    return reportOffset(reading, context.config.replay.maxAgeSeconds);
  },
};

function readClock(state: JeedomState): Reading | undefined {
  if (state.kind === "available" && state.key.kind === "accepted" && state.key.seconds !== undefined) {
    return { reply: state.key.reply, seconds: state.key.seconds, margin: 0 };
  }
  if (state.kind === "failure") return undefined;
  const date = Date.parse(state.reply.headers.get("Date") ?? "");
  // The header has whole seconds only.
  return Number.isNaN(date) ? undefined : { reply: state.reply, seconds: date / 1000 + 0.5, margin: 0.5 };
}

function reportOffset({ reply: { began, ended }, seconds, margin }: Reading, maxAgeSeconds: number): Finding {
  const offset = seconds - (began + ended) / 2000;
  const uncertainty = margin + (ended - began) / 2000;
  const within = `(± ${uncertainty.toFixed(2)} s)`;
  const size = Math.abs(offset);
  // Certain however the round trip was divided.
  const atLeast = size - uncertainty;
  const direction = offset > 0 ? "behind" : "ahead of";
  const message = `This machine's clock is ${size.toFixed(2)} s ${direction} Jeedom's ${within}`;
  if (atLeast > maxAgeSeconds / 2) {
    return failed(`${message}: at ${maxAgeSeconds} s, requests of phones with correct clocks are refused`, REMEDY);
  }
  return atLeast > WARNING_SECONDS ? warning(message, REMEDY) : ok(`${size.toFixed(2)} s from Jeedom's ${within}`);
}
