/**
 * Window of the rows that are in the document: those that can be seen, and some around them.
 *
 * @module
 */

/** Rows above and below what can be seen. */
const AROUND = 6;

/** Part of a list. */
export interface RowWindow {
  /** Index of the first row. */
  readonly first: number;
  /** Index after the last row. */
  readonly end: number;
}

/** Returns the rows for a place of the scroll bar; sizes are in pixels. */
export function rowWindow(
  { scrollTop, height, rowHeight, rows }: {
    readonly scrollTop: number;
    readonly height: number;
    readonly rowHeight: number;
    readonly rows: number;
  },
): RowWindow {
  const first = Math.min(Math.max(0, Math.floor(scrollTop / rowHeight) - AROUND), Math.max(0, rows - 1));
  return { first, end: Math.min(rows, first + Math.ceil(height / rowHeight) + 2 * AROUND + 1) };
}

/** Returns the place of the scroll bar at which a row can be seen, as near as possible to the current one. */
export function scrollToRow(
  index: number,
  { scrollTop, height, rowHeight }: {
    readonly scrollTop: number;
    readonly height: number;
    readonly rowHeight: number;
  },
): number {
  const top = index * rowHeight;
  return Math.max(Math.min(scrollTop, top), top + rowHeight - height);
}
