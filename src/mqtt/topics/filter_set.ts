/**
 * What a topic filter matches, and which filters lie within others (MQTT 3.1.1, section 4.7).
 *
 * @module
 */

import { deliveredFilter, isShared, isSystemTopic } from "./rules.ts";

/** One level of a filter or topic: a text, or in filters a wildcard. */
type Level = string;

/** Filters that grant something, split once so that matching has nothing left to prepare. */
export class TopicFilterSet {
  readonly #grants: readonly (readonly Level[])[];
  /** What is granted of shared subscriptions, by group; `+` for any. */
  readonly #shared: ReadonlyMap<Level, readonly string[]>;

  /** Makes grants from filters, each of them well-formed. */
  constructor(filters: readonly string[]) {
    this.#grants = filters.filter((filter) => !isShared(filter)).map((filter) => filter.split("/"));
    const shared = Map.groupBy(filters.filter(isShared), groupOf);
    this.#shared = new Map([...shared].map(([group, ones]) => [group, ones.map(deliveredFilter)]));
  }

  /** Tells whether one of the filters matches a topic. */
  matches(topic: string): boolean {
    const levels = topic.split("/");
    return this.#grants.some((grant) => matchesLevels(grant, levels));
  }

  /**
   * Tells whether every topic that a filter matches is matched by one of these filters. Exact for all of them
   * together: `home` and `home/+/#` contain `home/#`, though neither does alone. What begins with `$` lies only within
   * what begins the same way: a shared subscription within one that names the group, or `+` for it.
   */
  covers(filter: string): boolean {
    if (isShared(filter)) {
      const group = groupOf(filter);
      const shared = [...this.#shared.get(group) ?? [], ...this.#shared.get("+") ?? []];
      return group !== "+" && new TopicFilterSet(shared).covers(deliveredFilter(filter));
    }
    const [first = "", ...rest] = filter.split("/");
    // A topic has at least one level, so "#" at the start stands for one or more.
    if (first === "#") return contains(this.#grants, ["+", "#"]);
    // Topics of the broker's own are met by no wildcard in the first place (section 4.7.2).
    const grants = isSystemTopic(first) ? this.#grants.filter(([level]) => level === first) : this.#grants;
    return contains(grants, [first, ...rest]);
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
 * Walks down the wanted filter level by level, with the rest of each grant that still matches. A wildcard in the
 * wanted filter stands for any text, so only a wildcard can cover it: a text that no grant names is the hardest case.
 */
function contains(grants: readonly (readonly Level[])[], wanted: readonly Level[]): boolean {
  if (grants.some(([level]) => level === "#")) return true;
  const [level, ...rest] = wanted;
  if (level === undefined) return grants.some((grant) => grant.length === 0);
  if (level === "#") {
    // It stands for nothing further, and for one further level followed by another "#".
    return grants.some((grant) => grant.length === 0) && contains(step(grants, "+"), wanted);
  }
  return contains(step(grants, level), rest);
}

function step(grants: readonly (readonly Level[])[], level: Level): (readonly Level[])[] {
  return grants.filter(([first]) => first === "+" || (level !== "+" && first === level)).map((grant) => grant.slice(1));
}
