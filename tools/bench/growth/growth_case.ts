/** Work whose cost is measured as what the caller brought grows. */
export interface GrowthCase {
  /** Name in the table and on the command line. */
  name: string;
  /** What the caller brings, smallest first. */
  sizes: readonly [number, number, number, number];
  /** Plural of what a size counts, such as `filters`. */
  unit: string;
  /** True if all sizes bring the same work: the size is what others left, or the work is done in portions. */
  isFlat?: true;
  /** Returns milliseconds of blocked loop or of CPU for so much work. */
  measure(size: number): number | Promise<number>;
}
