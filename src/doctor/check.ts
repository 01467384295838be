/**
 * Checks of the doctor, and their results.
 *
 * @module
 */
import type { DoctorContext } from "./context.ts";

/** Status of a check. `skipped`: not checked, for the reason in the message; neither good nor bad. */
export type Status = "ok" | "warning" | "failed" | "skipped";

/** Result of a check and its remedy. Neither text ever holds a secret. */
export interface Finding {
  /** Status. */
  readonly status: Status;
  /** Result, in one line or several. */
  readonly message: string;
  /** Instructions that fix it, in one line or several; absent where nothing has to be done. */
  readonly remedy?: string;
}

/** Independent check of one thing. */
export interface Check {
  /** Name in reports: one word in snake_case. */
  readonly name: string;
  /**
   * Runs the check, which changes nothing and leaves nothing behind.
   *
   * @param signal aborts at the time limit; the check then reports what has not answered
   */
  run(context: DoctorContext, signal: AbortSignal): Promise<Finding>;
}

/**
 * Makes a function whose result the checks of a service share: it is found once in a round, within the time limit of the
 * first check to ask.
 */
export function oncePerRound<T>(
  find: (context: DoctorContext, signal: AbortSignal) => Promise<T>,
): (context: DoctorContext, signal: AbortSignal) => Promise<T> {
  const results = new WeakMap<DoctorContext, Promise<T>>();
  return (context, signal) => {
    const result = results.get(context) ?? find(context, signal);
    results.set(context, result);
    return result;
  };
}

/** Finding with the name of its check. */
export interface CheckResult extends Finding {
  /** Name of the check. */
  readonly name: string;
}

/** Makes a finding of something that works. */
export const ok = (message: string): Finding => ({ status: "ok", message });

/** Makes a finding of something that works but needs attention. */
export const warning = (message: string, remedy: string): Finding => ({ status: "warning", message, remedy });

/** Makes a finding of something that does not work. */
export const failed = (message: string, remedy: string): Finding => ({ status: "failed", message, remedy });

/** Makes a finding of something that was not checked. */
export const skipped = (message: string, remedy?: string): Finding =>
  remedy === undefined ? { status: "skipped", message } : { status: "skipped", message, remedy };

/** Makes the finding of a check that the sandbox of the doctor does not allow. */
export const forbidden = (): Finding => skipped("The sandbox does not allow this check", "Run it as: deno task doctor");

/** Returns the worst of some statuses; `skipped` counts as `ok`. */
export function worst(statuses: readonly Status[]): "ok" | "warning" | "failed" {
  if (statuses.includes("failed")) return "failed";
  return statuses.includes("warning") ? "warning" : "ok";
}

/** Combines at least one finding into one, with the failed ones first. */
export function combineFindings(findings: readonly Finding[]): Finding {
  const isSkipped = findings.every(({ status }) => status === "skipped");
  const status = isSkipped ? "skipped" : worst(findings.map(({ status }) => status));
  const sorted = findings.toSorted((a, b) => Number(b.status === "failed") - Number(a.status === "failed"));
  const remedies = new Set(sorted.flatMap(({ remedy }) => remedy ?? []));
  const message = sorted.map((finding) => finding.message).join("\n");
  return { status, message, ...remedies.size > 0 && { remedy: [...remedies].join("\n") } };
}
