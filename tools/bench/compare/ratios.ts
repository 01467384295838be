/** Ratios of two states of the gateway, and the verdict about them. */
import { digits, markdownTable } from "../../support/report.ts";
import { median } from "../../support/statistics.ts";

/** Measurements of a row in one round. */
export interface Round {
  /** Requests per second of the base. */
  readonly base: number;
  /** Requests per second of the working state. */
  readonly working: number;
}

/** Measurements of a row in all rounds. */
export interface Row {
  /** Its name in the table. */
  readonly name: string;
  /** Its rounds: both states one after the other. */
  readonly rounds: readonly Round[];
}

/** Ratio below which a row counts as slower, if it is below in every round: the same code differs by a few percent. */
export const SLOWER_BELOW = 0.9;

/** Returns whether the working state was slower in every round. */
export function isSlower({ rounds }: Row): boolean {
  return rounds.length > 0 && rounds.every(({ base, working }) => working / base < SLOWER_BELOW);
}

/** Returns a table of the rates and ratios, with a mark on each row that is slower. */
export function ratioTable(rows: readonly Row[]): string {
  return markdownTable(
    ["Case", "Base req/s", "Working req/s", "Ratio", "Lowest–highest", ""],
    rows.map((row) => {
      const ratios = row.rounds.map(({ base, working }) => working / base);
      return [
        row.name,
        digits(median(row.rounds.map(({ base }) => base)), 0),
        digits(median(row.rounds.map(({ working }) => working)), 0),
        digits(median(ratios), 2),
        `${digits(Math.min(...ratios), 2)}–${digits(Math.max(...ratios), 2)}`,
        isSlower(row) ? "SLOWER" : "",
      ];
    }),
  );
}
