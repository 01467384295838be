/**
 * What a check found.
 *
 * @module
 */

/** How a thing is. `skipped` is neither good nor bad: nobody looked, and the message says why. */
export type Status = "ok" | "warning" | "failed" | "skipped";

/** What was found, and what to do about it. Neither text ever holds a secret. */
export interface Finding {
  /** How it is. */
  readonly status: Status;
  /** What was found, in one line or several. */
  readonly message: string;
  /** What to do about it, in one line or several; absent where there is nothing to do. */
  readonly remedy?: string;
}

/** It is as it should be. */
export const ok = (message: string): Finding => ({ status: "ok", message });

/** It works, and somebody should look after it. */
export const warning = (message: string, remedy: string): Finding => ({ status: "warning", message, remedy });

/** It does not work. */
export const failed = (message: string, remedy: string): Finding => ({ status: "failed", message, remedy });

/** Nobody looked. */
export const skipped = (message: string, remedy?: string): Finding =>
  remedy === undefined ? { status: "skipped", message } : { status: "skipped", message, remedy };

/** Tells the worst of some states; what was skipped counts as well. */
export function worst(statuses: readonly Status[]): "ok" | "warning" | "failed" {
  if (statuses.includes("failed")) return "failed";
  return statuses.includes("warning") ? "warning" : "ok";
}

/** Makes one finding of several, the failed ones first. There is at least one. */
export function together(problems: readonly Finding[]): Finding {
  const isSkipped = problems.every((problem) => problem.status === "skipped");
  const status = isSkipped ? "skipped" : worst(problems.map((problem) => problem.status));
  const sorted = problems.toSorted((a, b) => Number(b.status === "failed") - Number(a.status === "failed"));
  const remedies = new Set(sorted.flatMap(({ remedy }) => remedy ?? []));
  const message = sorted.map((problem) => problem.message).join("\n");
  return { status, message, ...remedies.size > 0 && { remedy: [...remedies].join("\n") } };
}
