/**
 * Makes the checks, one after the other.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import type { Version } from "../protocol/exchange.ts";
import { type Check, type Need, type Subject, whyMissing } from "./check.ts";
import { ENVELOPE } from "./checks/envelope.ts";
import { JEEDOM } from "./checks/jeedom.ts";
import { PUBLISH } from "./checks/publish.ts";
import { REFUSALS } from "./checks/refusals.ts";
import { REPLAY } from "./checks/replay.ts";
import { RESUME } from "./checks/resume.ts";
import { SOURCE } from "./checks/source.ts";
import { STREAM } from "./checks/stream.ts";
import { TIME } from "./checks/time.ts";
import { TRANSPORT } from "./checks/transport.ts";
import { Mismatch, Skip } from "./mismatch.ts";
import { HARMLESS, Probe, type ProbeOptions } from "./probe.ts";

/** The checks by subject. */
export const SUBJECTS: readonly Subject[] = [
  TRANSPORT,
  ENVELOPE,
  REFUSALS,
  TIME,
  REPLAY,
  SOURCE,
  JEEDOM,
  PUBLISH,
  STREAM,
  RESUME,
];

/** What to check, and how. */
export interface RunOptions extends ProbeOptions {
  /** The checks. */
  readonly subjects: readonly Subject[];
  /** The versions to speak. */
  readonly versions: readonly Version[];
  /** Whether to make the checks that take long. */
  readonly slow: boolean;
  /** Told before each check. */
  readonly onCheck?: (about: About) => void;
}

/** Which check. */
export interface About {
  /** Its number in this run, from 1. */
  readonly number: number;
  /** What it is about. */
  readonly subject: string;
  /** Its name. */
  readonly name: string;
  /** What the protocol says. */
  readonly rule: string;
  /** The version that was spoken; undefined for what has no envelope. */
  readonly version: Version | undefined;
}

/** What came of a check. */
export interface CheckResult extends About {
  /** How it ended. */
  readonly result: "passed" | "failed" | "skipped";
  /** What was seen instead of what should have been, or why it was skipped; on one line. */
  readonly seen?: string;
}

/** Longest remark in the table, in characters. */
const MAX_SEEN = 240;

/** Makes all checks that are wanted. Whatever they throw is their result. */
export async function runChecks(options: RunOptions): Promise<CheckResult[]> {
  const missing = new Map<string, Promise<string | undefined>>();
  const probes = new Map<Version, Promise<Probe>>();
  const greetings = new Map<Version, Promise<void>>();

  function probeOf(version: Version): Promise<Probe> {
    const probe = probes.get(version) ?? Probe.make(version, options);
    probes.set(version, probe);
    return probe;
  }

  /** Once for each version: a gateway that refuses everything refuses what is wrong, too, and that proves nothing. */
  function greet(probe: Probe): Promise<void> {
    const greeting = greetings.get(probe.version) ?? expectUnderstood(probe);
    greetings.set(probe.version, greeting);
    return greeting;
  }

  /** Looks once for each version: the answer takes a request of that version. */
  function lookFor(need: Need, probe: Probe): Promise<string | undefined> {
    const name = `${need} ${probe.version}`;
    const found = missing.get(name) ?? whyMissing(need, probe);
    missing.set(name, found);
    return found;
  }

  async function outcomeOf(check: Check, version: Version | undefined): Promise<Pick<CheckResult, "result" | "seen">> {
    if (check.isSlow && !options.slow) return { result: "skipped", seen: "Takes long: made with --slow" };
    try {
      const probe = await probeOf(version ?? options.versions[0] ?? 1);
      if (version !== undefined) await greet(probe);
      const reason = check.needs === undefined ? undefined : await lookFor(check.needs, probe);
      if (reason !== undefined) throw new Skip(`Needs ${check.needs}: ${reason}`);
      await check.run(probe);
      return { result: "passed" };
    } catch (error) {
      return { result: error instanceof Skip ? "skipped" : "failed", seen: oneLine(error) };
    }
  }

  const results: CheckResult[] = [];
  for (const { subject, check, version } of plan(options)) {
    const { name, rule } = check;
    const about = { number: results.length + 1, subject, name, rule, version };
    options.onCheck?.(about);
    results.push({ ...about, ...await outcomeOf(check, version) });
  }
  return results;
}

/**
 * Sends a request that is right in all that can be known.
 *
 * @throws {Mismatch} if the gateway does not open it
 */
async function expectUnderstood(probe: Probe): Promise<void> {
  const { status } = await probe.post("/gateway", (await probe.seal("/gateway", HARMLESS)).text);
  if (status !== 401) return;
  throw new Mismatch(`HTTP 401 to a right request: the key is another one, or is not for version ${probe.version}`);
}

/** What is to be done, in the order of the table. */
function plan({ subjects, versions }: RunOptions) {
  return subjects.flatMap(({ name: subject, checks }) =>
    checks.flatMap((check) => {
      const spoken = check.versions.length === 0 ? [undefined] : versions.filter((one) => check.versions.includes(one));
      return spoken.map((version) => ({ subject, check, version }));
    })
  );
}

function oneLine(error: unknown): string {
  const text = errorText(error);
  // deno-lint-ignore no-control-regex
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  return line.length > MAX_SEEN ? `${line.slice(0, MAX_SEEN)}…` : line;
}
