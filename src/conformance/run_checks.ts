/**
 * Runs the checks, one after the other.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import type { Version } from "../protocol/exchange.ts";
import { type Check, type Need, type Subject, whyUnavailable } from "./check.ts";
import { BATCH } from "./checks/batch.ts";
import { ENVELOPE } from "./checks/envelope.ts";
import { JEEDOM } from "./checks/jeedom.ts";
import { PUBLISH } from "./checks/publish.ts";
import { REFUSALS } from "./checks/refusals.ts";
import { REPLAY } from "./checks/replay.ts";
import { RESUME } from "./checks/resume.ts";
import { PUSH } from "./checks/push.ts";
import { SERVICES } from "./checks/services.ts";
import { SOURCE } from "./checks/source.ts";
import { STREAM } from "./checks/stream.ts";
import { TIME } from "./checks/time.ts";
import { TRANSPORT } from "./checks/transport.ts";
import { Mismatch, Skip } from "./mismatch.ts";
import { HARMLESS, Probe, type ProbeOptions } from "./probe.ts";

/** All checks by subject, in the order in which they run. */
export const SUBJECTS: readonly Subject[] = [
  TRANSPORT,
  ENVELOPE,
  REFUSALS,
  TIME,
  REPLAY,
  SOURCE,
  JEEDOM,
  SERVICES,
  PUSH,
  PUBLISH,
  STREAM,
  RESUME,
  BATCH,
];

/** Options of a run. */
export interface RunOptions extends ProbeOptions {
  /** Checks by subject. */
  readonly subjects: readonly Subject[];
  /** Versions of the protocol. */
  readonly versions: readonly Version[];
  /** True to run the checks that take long. */
  readonly slow: boolean;
  /** Called before each check. */
  readonly onCheck?: (check: CheckInfo) => void;
}

/** Check of a run. */
export interface CheckInfo {
  /** Number in this run, from 1. */
  readonly number: number;
  /** Name of the subject. */
  readonly subject: string;
  /** Name of the check. */
  readonly name: string;
  /** Rule of the protocol. */
  readonly rule: string;
  /** Version of the protocol; undefined for rules without an envelope. */
  readonly version: Version | undefined;
}

/** Result of a check. */
export interface CheckResult extends CheckInfo {
  /** Result. */
  readonly result: "passed" | "failed" | "skipped";
  /** What was seen, or the reason why the check was skipped; on one line. */
  readonly seen?: string;
}

/** Longest `seen` in the table, in characters. */
const MAX_SEEN = 240;

/** Runs all checks of a version. An error of a check is its result. */
export async function runChecks(options: RunOptions): Promise<CheckResult[]> {
  const unavailable = new Map<string, Promise<string | undefined>>();
  const probes = new Map<Version, Promise<Probe>>();
  const admissions = new Map<Version, Promise<void>>();

  function probeOf(version: Version): Promise<Probe> {
    const probe = probes.get(version) ?? Probe.make(version, options);
    probes.set(version, probe);
    return probe;
  }

  /** Once for each version: a gateway that refuses every request also refuses invalid ones, which proves nothing. */
  function checkAdmission(probe: Probe): Promise<void> {
    const admission = admissions.get(probe.version) ?? expectAdmitted(probe);
    admissions.set(probe.version, admission);
    return admission;
  }

  /** Asks once for each version, with a request of that version. */
  function findReason(need: Need, probe: Probe): Promise<string | undefined> {
    const name = `${need} ${probe.version}`;
    const reason = unavailable.get(name) ?? whyUnavailable(need, probe);
    unavailable.set(name, reason);
    return reason;
  }

  async function run(check: Check, version: Version | undefined): Promise<Pick<CheckResult, "result" | "seen">> {
    if (check.isSlow && !options.slow) return { result: "skipped", seen: "Takes long: runs with --slow" };
    try {
      const probe = await probeOf(version ?? options.versions[0] ?? 1);
      if (version !== undefined) await checkAdmission(probe);
      const reason = check.needs === undefined ? undefined : await findReason(check.needs, probe);
      if (reason !== undefined) throw new Skip(`Needs ${check.needs}: ${reason}`);
      await check.run(probe);
      return { result: "passed" };
    } catch (error) {
      return { result: error instanceof Skip ? "skipped" : "failed", seen: oneLine(error) };
    }
  }

  const results: CheckResult[] = [];
  for (const { subject, check, version } of checksOf(options)) {
    const { name, rule } = check;
    const info = { number: results.length + 1, subject, name, rule, version };
    options.onCheck?.(info);
    results.push({ ...info, ...await run(check, version) });
  }
  return results;
}

/**
 * Sends a valid request.
 *
 * @throws {Mismatch} if the gateway does not open it
 */
async function expectAdmitted(probe: Probe): Promise<void> {
  const { status } = await probe.post("/gateway", (await probe.seal("/gateway", HARMLESS)).text);
  if (status !== 401) return;
  throw new Mismatch(`HTTP 401 to a valid request: the gateway does not accept this key in version ${probe.version}`);
}

/** Returns the checks of a run, in the order of the table. */
function checksOf({ subjects, versions }: RunOptions) {
  return subjects.flatMap(({ name: subject, checks }) =>
    checks.flatMap((check) => {
      const checked = check.versions.length === 0
        ? [undefined]
        : versions.filter((one) => check.versions.includes(one));
      return checked.map((version) => ({ subject, check, version }));
    })
  );
}

function oneLine(error: unknown): string {
  const text = errorText(error);
  // deno-lint-ignore no-control-regex
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  return line.length > MAX_SEEN ? `${line.slice(0, MAX_SEEN)}…` : line;
}
