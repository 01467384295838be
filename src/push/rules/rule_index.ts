/**
 * Finds the rules that an event concerns without trying each of them.
 *
 * @module
 */
import { wildcardMatcher } from "../../lib/wildcard.ts";
import { TopicTrie } from "../../mqtt/topics/trie.ts";
import type { RuleSource } from "./rule.ts";
import type { RuleEvent, SourceKind } from "./rule_event.ts";

/** Items by their sources, such as rules with their keys. */
export class RuleIndex<Item> {
  readonly #tries: Readonly<Record<SourceKind, TopicTrie<Set<Entry<Item>>>>> = {
    topics: new TopicTrie(),
    entities: new TopicTrie(),
    health: new TopicTrie(),
  };
  readonly #entries = new Map<Item, readonly (readonly [kind: SourceKind, filter: string, entry: Entry<Item>])[]>();

  /** Number of items. */
  get size(): number {
    return this.#entries.size;
  }

  /** Adds an item, or replaces its source. */
  set(item: Item, { kind, select }: RuleSource): void {
    this.delete(item);
    const entries = select.map((text) =>
      [kind, filterOf(kind, text), { item, matches: matcherOf(kind, text) }] as const
    );
    for (const [, filter, entry] of entries) {
      const trie = this.#tries[kind];
      const there = trie.find(filter);
      if (there === undefined) trie.add(filter, new Set([entry]));
      else there.add(entry);
    }
    this.#entries.set(item, entries);
  }

  /** Deletes an item, if it is there. */
  delete(item: Item): void {
    for (const [kind, filter, entry] of this.#entries.get(item) ?? []) {
      const there = this.#tries[kind].find(filter);
      there?.delete(entry);
      if (there?.size === 0) this.#tries[kind].delete(filter);
    }
    this.#entries.delete(item);
  }

  /** Returns the items that an event concerns, each once. */
  match({ kind, subject }: Pick<RuleEvent, "kind" | "subject">): ReadonlySet<Item> {
    const found = new Set<Item>();
    for (const entries of this.#tries[kind].match(topicOf(kind, subject))) {
      for (const { item, matches } of entries) if (matches === undefined || matches(subject)) found.add(item);
    }
    return found;
  }
}

/** Item below a filter; `matches` decides where the filter matches more than the pattern. */
interface Entry<Item> {
  readonly item: Item;
  readonly matches: ((subject: string) => boolean) | undefined;
}

/** Returns the topic that stands for a subject: `light/hall` for the entity `light.hall`. */
function topicOf(kind: SourceKind, subject: string): string {
  return kind === "entities" ? subject.replace(".", "/") : subject;
}

/** Returns the topic filter that matches all that a text selects. */
function filterOf(kind: SourceKind, text: string): string {
  if (kind === "topics") return text;
  if (text === "*") return "#";
  return topicOf(kind, text).split("/").map((level) => level.includes("*") ? "+" : level).join("/");
}

/** Returns the test of a pattern of entities that has more than whole parts as wildcards; undefined for any other text. */
function matcherOf(kind: SourceKind, text: string): ((subject: string) => boolean) | undefined {
  // Ids have one dot, which no wildcard before or after it can match.
  return kind === "entities" && /[^.*]\*|\*[^.*]/.test(text) ? wildcardMatcher(text) : undefined;
}
