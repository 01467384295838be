/**
 * Rows of topics, as a tree or as a list. Only those that can be seen are in the document, and each is updated alone.
 *
 * @module
 */
import type { ReadonlySignal } from "@preact/signals";
import { useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { TopicNode } from "../model/topic_tree.ts";
import { rowMove } from "./row_keys.ts";
import { rowWindow, scrollToRow } from "./row_window.ts";
import { RowContent, type RowContentProps } from "./row_content.tsx";
import type { TopicRow } from "./visible_rows.ts";

/** Properties of the rows. */
export interface TopicRowsProps extends Pick<RowContentProps, "session" | "now"> {
  /** Tree or list. */
  readonly view: "tree" | "list";
  /** Name for screen readers. */
  readonly label: string;
  /** Rows. */
  readonly rows: readonly TopicRow[];
  /** Level whose topic is shown in detail. */
  readonly chosen: TopicNode | undefined;
  /** Called with a level whose topic is to be shown. */
  readonly onChoose: (node: TopicNode) => void;
  /** Called with a level, and whether it is to be open. */
  readonly onFold: (node: TopicNode, isOpen: boolean) => void;
}

/** Rows of topics. */
export function TopicRows({ view, label, rows, chosen, onChoose, onFold, session, now }: TopicRowsProps) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  // Not the place of the scroll bar, which changes with each frame: only the first row that can be seen.
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const ruler = useRef<HTMLDivElement>(null);
  const [rowHeight, setRowHeight] = useState(40);
  const [active, setActive] = useState<TopicNode | undefined>(undefined);
  const { first, end } = rowWindow({ scrollTop: top * rowHeight, height, rowHeight, rows: rows.length });
  const current = active ?? chosen;
  const activeIndex = useMemo(() => rows.findIndex(({ node }) => node === current), [rows, current]);
  const isDrawn = activeIndex >= first && activeIndex < end;

  useLayoutEffect(() => {
    const [element, row] = [box.current, ruler.current];
    if (element === null || row === null) return;
    const measure = () => {
      setHeight(element.clientHeight);
      // It is that of the style sheet, which follows the size of texts.
      setRowHeight(Math.max(1, row.getBoundingClientRect().height));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    observer.observe(row);
    return () => observer.disconnect();
  }, [view]);

  function act(row: TopicRow): void {
    setActive(row.node);
    if (row.node.topic !== undefined) onChoose(row.node);
    else onFold(row.node, row.isOpen !== true);
  }

  function press(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const move = rowMove(event.key, { rows, active: activeIndex });
    if (move === undefined) return;
    event.preventDefault();
    if (move.type === "fold") return onFold(move.node, move.isOpen);
    if (move.type === "choose") return act(move.row);
    const target = rows[move.index];
    if (target === undefined || box.current === null) return;
    setActive(target.node);
    box.current.scrollTop = scrollToRow(move.index, { scrollTop: box.current.scrollTop, height, rowHeight });
  }

  const drawn = rows.slice(first, end);
  return (
    <div
      ref={box}
      class={`rows ${view}`}
      role={view === "tree" ? "tree" : "listbox"}
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={isDrawn ? rowId(id, rows[activeIndex]) : undefined}
      onScroll={(event) => setTop(Math.floor(event.currentTarget.scrollTop / rowHeight))}
      onKeyDown={press}
    >
      <div ref={ruler} class="row-ruler" aria-hidden="true" />
      <div class="rows-space" role="presentation" style={{ height: `${rows.length * rowHeight}px` }}>
        {drawn.map((row, index) => (
          <div
            key={row.node.id}
            id={rowId(id, row)}
            class={`row${row.node === chosen ? " chosen" : ""}${first + index === activeIndex ? " active" : ""}`}
            style={{ transform: `translateY(${(first + index) * rowHeight}px)`, "--level": String(row.level) }}
            role={view === "tree" ? "treeitem" : "option"}
            aria-level={view === "tree" ? row.level : undefined}
            aria-expanded={row.isOpen}
            aria-selected={row.node === chosen}
            aria-setsize={row.siblings}
            aria-posinset={row.position}
            onClick={() => act(row)}
          >
            {row.isOpen !== undefined && row.node.topic !== undefined
              ? <Opener onOpen={() => onFold(row.node, row.isOpen !== true)} />
              : null}
            <RowContent row={row} view={view} session={session} now={now} />
          </div>
        ))}
      </div>
    </div>
  );
}

/** Part of a row that only opens it, where the row itself shows its topic; the keys of the tree do the same. */
function Opener({ onOpen }: { readonly onOpen: () => void }) {
  return (
    <span
      class="opener"
      onClick={(event) => {
        event.stopPropagation();
        onOpen();
      }}
    />
  );
}

function rowId(id: string, row: TopicRow | undefined): string | undefined {
  return row === undefined ? undefined : `${id}-${row.node.id}`;
}

/** Time as a signal, which changes once a second. */
export type Now = ReadonlySignal<number>;
