/**
 * Outcome of a command in words.
 *
 * @module
 */
import type { Texts } from "../catalogue/catalogue.ts";
import type { Run } from "./outcome.ts";

/** Returns the outcome of a command in words; undefined while there is nothing to tell. */
export function runText(run: Run, texts: Texts["home"]): string | undefined {
  switch (run.kind) {
    case "idle":
      return undefined;
    case "failed":
      return texts.failures[run.reason];
    default:
      return texts[run.kind];
  }
}
