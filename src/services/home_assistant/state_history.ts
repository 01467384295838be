/**
 * States of all entities as messages with positions: the current one of each entity, and the newest changes, which are
 * kept for listeners that resume.
 *
 * @module
 */
import type { Position } from "../../protocol/event.ts";
import type { SharedMessage } from "../../streams/shared_message.ts";
import { TopicHistory } from "../../mqtt/hub/topic_history.ts";
import { TopicTrie } from "../../mqtt/topics/trie.ts";
import type { StateChange } from "./entity_table.ts";

/** Selection of entities. */
export interface EntitySelection {
  /** Patterns such as `light.*`, which select at least these entities. */
  readonly patterns: readonly string[];
  /** Returns whether an entity is selected. */
  readonly matches: (entity: string) => boolean;
}

/** Messages for a listener that begins or resumes. */
export interface StateDelivery {
  /** Position before the first of them: all messages after it follow. */
  readonly start: Position;
  /** The messages, in the order of their positions. */
  readonly messages: readonly SharedMessage[];
}

/** Options of a history. */
export interface StateHistoryOptions {
  /** Unique name of this order of messages. */
  readonly epoch: string;
  /** Most bytes of changes to keep. */
  readonly maxBytes: number;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
}

/** Memory of a message besides its texts, in bytes. */
const MESSAGE_OVERHEAD_BYTES = 256;

/** Payload of the message about an entity that is removed. */
const REMOVED = "null";

const utf8 = new TextEncoder();

/** Message of the current state of an entity. */
interface Current {
  readonly message: SharedMessage;
  /** The same for listeners that begin: one object for all of them. */
  retained?: SharedMessage;
}

/** Order of all states and changes. */
export class StateHistory {
  readonly #options: StateHistoryOptions;
  /** Current state of each entity, in the order of their positions. */
  readonly #current = new Map<string, Current>();
  #changes = new TopicHistory<SharedMessage>();
  #offset = 0;
  /** Offset before the first state: messages after it are known. */
  #startOffset = 0;
  /** Offset of the last state that was there at the start. */
  #initialOffset = 0;

  /** Makes an empty history. */
  constructor(options: StateHistoryOptions) {
    this.#options = options;
  }

  /** Bytes of the kept changes. */
  get bytes(): number {
    return this.#changes.bytes;
  }

  /** Forgets all messages, and begins with the given states. No listener resumes from before. */
  restart(states: readonly StateChange[]): void {
    this.#current.clear();
    this.#changes = new TopicHistory();
    // A position of its own: a listener at the last one has missed what came until now.
    this.#offset += 1;
    this.#startOffset = this.#offset;
    for (const { entity, json } of states) {
      if (json !== undefined) this.#current.set(entity, { message: this.#next(entity, json) });
    }
    this.#initialOffset = this.#offset;
  }

  /** Appends a change, and evicts others at the limit. */
  append({ entity, json }: StateChange): SharedMessage {
    const message = this.#next(entity, json ?? REMOVED);
    // Deleted first: a Map has the order of insertion.
    this.#current.delete(entity);
    if (json !== undefined) this.#current.set(entity, { message });
    const { payloadBytes, position: { offset } } = message;
    const bytes = payloadBytes + entity.length + MESSAGE_OVERHEAD_BYTES;
    this.#changes.add(topicOf(entity), { offset, bytes, value: message });
    while (this.#changes.bytes > this.#options.maxBytes) this.#changes.evict();
    return message;
  }

  /** Returns the selected current states. */
  states(selection: EntitySelection): StateDelivery {
    const messages = this.#statesWithin(selection, { after: this.#startOffset, until: this.#offset });
    const last = messages.pop();
    const position = this.#position(this.#offset);
    if (last === undefined) return { start: position, messages };
    // With the last one, a listener has everything: it must not receive older changes when it resumes.
    return { start: this.#position(this.#startOffset), messages: [...messages, { ...last, position }] };
  }

  /**
   * Returns everything selected after a position: changes, and states from the start that have not changed.
   *
   * @returns undefined if some of it is not kept
   */
  missed(since: Position, selection: EntitySelection): StateDelivery | undefined {
    const { epoch, offset } = since;
    if (epoch !== this.#options.epoch || offset < this.#startOffset || offset > this.#offset) return undefined;
    const filters = [...new Set(selection.patterns.map(filterOf))];
    if (filters.some((filter) => this.#changes.lastEvicted(filter, offset) > offset)) return undefined;
    const wanted = new TopicTrie<true>();
    for (const filter of filters) wanted.add(filter, true);
    const changes = this.#changes.after(offset, wanted).map(({ value }) => value).filter((one) => one !== undefined);
    const states = this.#statesWithin(selection, { after: offset, until: this.#initialOffset });
    return { start: since, messages: [...states, ...changes.filter(({ topic }) => selection.matches(topic))] };
  }

  #statesWithin(
    { matches }: EntitySelection,
    { after, until }: { readonly after: number; readonly until: number },
  ): SharedMessage[] {
    const states: SharedMessage[] = [];
    for (const [entity, current] of this.#current) {
      const { message } = current;
      if (message.position.offset > until) break;
      if (message.position.offset <= after || !matches(entity)) continue;
      states.push(current.retained ??= { ...message, retain: true });
    }
    return states;
  }

  #next(entity: string, payload: string): SharedMessage {
    this.#offset += 1;
    return {
      position: this.#position(this.#offset),
      topic: entity,
      payload,
      payloadBytes: utf8.encode(payload).length,
      qos: 0,
      retain: false,
      receivedAt: this.#options.now(),
    };
  }

  #position(offset: number): Position {
    return { epoch: this.#options.epoch, offset };
  }
}

/** Returns the topic under which the changes of an entity are kept: those of a busy one are evicted first. */
function topicOf(entity: string): string {
  return entity.replace(".", "/");
}

/** Returns a topic filter that selects at least the entities of a pattern. */
function filterOf(pattern: string): string {
  if (pattern === "*") return "#";
  return topicOf(pattern).split("/").map((level) => level.includes("*") ? "+" : level).join("/");
}
