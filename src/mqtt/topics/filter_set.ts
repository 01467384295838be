/**
 * Matches topics with filters, and compares filters with each other (MQTT 3.1.1, section 4.7).
 *
 * @module
 */

import { deliveredFilter, isShared, isSystemTopic } from "./rules.ts";

/** One level of a filter or topic: a name, or in filters a wildcard. */
type Level = string;

/** Set of topic filters, such as those that a key may use; split into levels once. */
export class TopicFilterSet {
  readonly #filters: readonly (readonly Level[])[];
  /** Filters of shared subscriptions by group; `+` stands for any group. */
  readonly #shared: ReadonlyMap<Level, readonly string[]>;

  /** Makes a set of well-formed filters. */
  constructor(filters: readonly string[]) {
    this.#filters = filters.filter((filter) => !isShared(filter)).map((filter) => filter.split("/"));
    const shared = Map.groupBy(filters.filter(isShared), groupOf);
    this.#shared = new Map([...shared].map(([group, members]) => [group, members.map(deliveredFilter)]));
  }

  /** True if it has no filter for topics; those of shared subscriptions do not count. */
  get isEmpty(): boolean {
    return this.#filters.length === 0;
  }

  /** Returns whether one of the filters matches a topic. */
  matches(topic: string): boolean {
    const levels = topic.split("/");
    return this.#filters.some((filter) => matchesLevels(filter, levels));
  }

  /**
   * Returns whether these filters together match every topic that a filter matches: `home` and `home/+/#` cover
   * `home/#`, though neither does alone. A filter that begins with `$` is covered only by filters with the same first
   * level, and a shared subscription only by one with the same group, or `+` as group.
   */
  covers(filter: string): boolean {
    if (isShared(filter)) {
      const group = groupOf(filter);
      const shared = [...this.#shared.get(group) ?? [], ...this.#shared.get("+") ?? []];
      return group !== "+" && new TopicFilterSet(shared).covers(deliveredFilter(filter));
    }
    const [first = "", ...rest] = filter.split("/");
    // A topic has at least one level, so a "#" at the start matches one or more.
    if (first === "#") return coversLevels(this.#filters, ["+", "#"]);
    // A wildcard at the start matches no topic that begins with $ (section 4.7.2).
    const candidates = isSystemTopic(first) ? this.#filters.filter(([level]) => level === first) : this.#filters;
    return coversLevels(candidates, [first, ...rest]);
  }
}

function groupOf(shared: string): Level {
  return shared.split("/", 2)[1] ?? "";
}

function matchesLevels(filter: readonly Level[], topic: readonly Level[]): boolean {
  if (topic[0]?.startsWith("$") && (filter[0] === "#" || filter[0] === "+")) return false;
  for (const [index, level] of filter.entries()) {
    if (level === "#") return true;
    // "a/#" also matches "a": then the topic ends right before the "#".
    if (index === topic.length || (level !== "+" && level !== topic[index])) return false;
    if (index === topic.length - 1 && filter[index + 1] === "#") return true;
  }
  return filter.length === topic.length;
}

/**
 * Compares a filter level by level, with the remaining levels of each filter that still matches. Only a wildcard covers
 * a wildcard, which also matches names that no filter contains.
 */
function coversLevels(filters: readonly (readonly Level[])[], wanted: readonly Level[]): boolean {
  if (filters.some(([level]) => level === "#")) return true;
  const [level, ...rest] = wanted;
  if (level === undefined) return filters.some((filter) => filter.length === 0);
  if (level === "#") {
    // Matches no further level, or one level followed by another "#".
    return filters.some((filter) => filter.length === 0) && coversLevels(step(filters, "+"), wanted);
  }
  return coversLevels(step(filters, level), rest);
}

/** Returns the remaining levels of the filters that match one level. */
function step(filters: readonly (readonly Level[])[], level: Level): (readonly Level[])[] {
  return filters.filter(([first]) => first === "+" || (level !== "+" && first === level)).map((filter) =>
    filter.slice(1)
  );
}
