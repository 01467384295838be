/**
 * Sparkline: the recent course of a value.
 *
 * @module
 */
import { sparkPath, type SparkPoint } from "./spark_path.ts";

/** Size of the drawing; it is stretched to its place. */
const SIZE = { width: 160, height: 46, margin: 6 };

/** Properties of a sparkline. */
export interface SparklineProps {
  /** Points, in the order of their times. */
  readonly points: readonly SparkPoint[];
  /** Text for screen readers. */
  readonly label: string;
}

/** Line and the area below it; nothing without a point. */
export function Sparkline({ points, label }: SparklineProps) {
  const line = sparkPath(points, SIZE);
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${SIZE.width} ${SIZE.height}`}
      preserveAspectRatio="none"
      {...line === "" ? { "aria-hidden": true } : { role: "img", "aria-label": label }}
    >
      {line !== "" && <path class="area" d={`${line}V${SIZE.height}H0Z`} />}
      {line !== "" && <path class="line" d={line} />}
    </svg>
  );
}
