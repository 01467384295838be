/**
 * Links to the groups of a screen, such as rooms: one is shown at a time, or all.
 *
 * @module
 */
import { useEffect, useRef } from "preact/hooks";
import { useFormat } from "../context.tsx";
import { formatRoute } from "../router.ts";

/** Group of a screen. */
export interface Group {
  /** Id in the page's address. */
  readonly id: string;
  /** Name, safe to show. */
  readonly name: string;
  /** Number of what is in it. */
  readonly count: number;
}

/** Properties of the links. */
export interface GroupLinksProps {
  /** Id of the screen. */
  readonly screen: string;
  /** Name of the groups, such as `Rooms`. */
  readonly label: string;
  /** Name of the link to all. */
  readonly all: string;
  /** Groups. */
  readonly groups: readonly Group[];
  /** Id of the group that is shown; undefined for all. */
  readonly current: string | undefined;
}

/** Row of links that scrolls sideways where it is too long. */
export function GroupLinks({ screen, label, all, groups, current }: GroupLinksProps) {
  const format = useFormat();
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    // Only the row moves, not the page.
    const [row, link] = [list.current, list.current?.querySelector<HTMLElement>("[aria-current]")];
    if (row && link) row.scrollLeft = link.offsetLeft - row.offsetLeft - row.clientWidth / 2 + link.clientWidth / 2;
  }, [current]);
  return (
    <nav class="groups" aria-label={label}>
      <ul ref={list}>
        <li>
          <a href={formatRoute(screen)} aria-current={current === undefined ? "true" : undefined}>{all}</a>
        </li>
        {groups.map(({ id, name, count }) => (
          <li key={id}>
            <a href={formatRoute(screen, id)} aria-current={id === current ? "true" : undefined}>
              <bdi>{name}</bdi>
              <span class="num" aria-hidden="true">{format.number(count)}</span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
