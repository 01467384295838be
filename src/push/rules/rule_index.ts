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
  readonly #tries: Readonly<Record<SourceKind, TopicTrie<Entry<Item>[]>>> = {
    topics: new TopicTrie(),
    entities: new TopicTrie(),
    health: new TopicTrie(),
  };

  /** Adds an item with its source. */
  add(item: Item, { kind, select }: RuleSource): void {
    const trie = this.#tries[kind];
    for (const text of select) {
      const filter = filterOf(kind, text);
      const entry = { item, matches: matcherOf(kind, text) };
      const there = trie.find(filter);
      if (there === undefined) trie.add(filter, [entry]);
      else there.push(entry);
    }
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
