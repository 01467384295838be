/**
 * All topics and messages of the screen, in bounded memory. What does not fit is counted, never silently dropped.
 *
 * @module
 */
import type { StreamService } from "../../../connection/home_streams.ts";
import { bytesOf, type Message } from "./message.ts";
import { Topic, type WatchedValue } from "./topic.ts";
import { PointBudget, TopicSeries } from "./topic_series.ts";
import { TopicTree } from "./topic_tree.ts";
import { numberReader, type ValuePath } from "./value_path.ts";

/** Bounds of the memory. */
export interface StoreLimits {
  /** Most topics. */
  readonly topics: number;
  /** Most characters of all topics. */
  readonly topicCharacters: number;
  /** Most nodes of the tree. */
  readonly nodes: number;
  /** Most messages of one topic. */
  readonly topicMessages: number;
  /** Most messages of all topics. */
  readonly messages: number;
  /** Most memory of all messages, in bytes. */
  readonly bytes: number;
  /** Most values of one topic whose course is kept. */
  readonly watched: number;
  /** Most values that were shown in a chart, the last ones, whose course has all the points that a series can have. */
  readonly shown: number;
}

/** Bounds for a phone: at most about 60 MB. */
export const LIMITS: StoreLimits = {
  topics: 20_000,
  topicCharacters: 2_000_000,
  nodes: 60_000,
  topicMessages: 100,
  messages: 20_000,
  bytes: 24_000_000,
  watched: 4,
  shown: 50,
};

/** Share of the bounds that remains once they were exceeded. */
const KEPT_SHARE = 0.95;

/** Path of the number of an entity of Home Assistant. */
const STATE: ValuePath = ["state"];
const WHOLE: ValuePath = [];

/** Topics and messages. */
export class TopicStore {
  /** Topics by their levels. */
  readonly tree = new TopicTree();
  readonly #limits: StoreLimits;
  readonly #topics = new Map<string, Topic>();
  readonly #points: PointBudget;
  /** Series that were shown in a chart, the last ones at the end. */
  readonly #shown = new Set<TopicSeries>();
  /** Messages in the order in which they came: the oldest are the first to go. */
  readonly #messages = new Set<Message>();
  #dirty = new Set<Topic>();
  #bytes = 0;
  #topicCharacters = 0;
  #left = 0;

  /** Makes an empty store. */
  constructor(limits: StoreLimits = LIMITS, points = new PointBudget()) {
    this.#limits = limits;
    this.#points = points;
  }

  /** All topics, in the order in which they came. */
  get topics(): Iterable<Topic> {
    return this.#topics.values();
  }

  /** Number of topics. */
  get size(): number {
    return this.#topics.size;
  }

  /** Messages that are kept, in the order in which they came. */
  get messages(): Iterable<Message> {
    return this.#messages;
  }

  /** Memory of the messages that are kept, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of messages of topics that are not shown, as there are too many. */
  get left(): number {
    return this.#left;
  }

  /** Adds a message, unless it is one that came already and is kept by the broker. Returns whether its topic is new. */
  add(message: Message): boolean {
    const key = keyOf(message);
    const known = this.#topics.get(key);
    // A stream that takes the place of another begins with the retained messages again.
    if (known !== undefined && message.isRetained && isSameValue(known.messages.at(-1), message)) return false;
    const topic = known ?? this.#admit(key, message);
    if (topic === undefined) {
      this.#left += 1;
      return false;
    }
    topic.show(message);
    this.#keep(topic, message);
    this.#observe(topic, message);
    this.#dirty.add(topic);
    return known === undefined;
  }

  /** Returns the topics that messages came for since the last call. */
  takeDirty(): ReadonlySet<Topic> {
    const dirty = this.#dirty;
    this.#dirty = new Set();
    return dirty;
  }

  /** Returns the course of a value to show it in a chart: it has room for all the points that a series can have. */
  watch(topic: Topic, path: ValuePath): WatchedValue {
    const value = topic.watched.find((value) => isSamePath(value.path, path)) ?? this.#follow(topic, path);
    const wasShown = this.#shown.delete(value.series);
    this.#shown.add(value.series);
    value.series.show();
    const [oldest] = this.#shown;
    if (oldest !== undefined && this.#shown.size > this.#limits.shown) this.#forget(oldest);
    if (!wasShown && value.series.length === 0) fill(value, topic);
    return value;
  }

  /** Keeps the course of a value from now on. */
  #follow(topic: Topic, path: ValuePath): WatchedValue {
    const value = { path, series: new TopicSeries(this.#points) };
    // The first is that of the whole value, which every topic may have.
    const replaced = topic.watched.length < this.#limits.watched ? [] : topic.watched.splice(1, 1);
    for (const { series } of replaced) this.#forget(series);
    topic.watched.push(value);
    return value;
  }

  #forget(series: TopicSeries): void {
    this.#shown.delete(series);
    series.drop();
  }

  #admit(key: string, { service, topic: name }: Message): Topic | undefined {
    const { topics, topicCharacters, nodes } = this.#limits;
    const isFull = this.#topics.size >= topics || this.#topicCharacters + name.length > topicCharacters ||
      this.tree.nodes >= nodes;
    if (isFull) return undefined;
    const topic = new Topic(service, name);
    this.#topics.set(key, topic);
    this.#topicCharacters += name.length;
    this.tree.add(levelsOf(topic), topic);
    return topic;
  }

  #keep(topic: Topic, message: Message): void {
    this.#messages.add(message);
    this.#bytes += bytesOf(message);
    topic.messages.push(message);
    if (topic.messages.length > this.#limits.topicMessages) this.#drop(topic.messages[0]);
    const { messages, bytes } = this.#limits;
    if (this.#messages.size <= messages && this.#bytes <= bytes) return;
    // Some more than needed: to find the oldest in a set costs time each time.
    for (const oldest of this.#messages) {
      if (this.#messages.size <= KEPT_SHARE * messages && this.#bytes <= KEPT_SHARE * bytes) break;
      this.#drop(oldest);
    }
  }

  #drop(message: Message | undefined): void {
    if (message === undefined || !this.#messages.delete(message)) return;
    this.#bytes -= bytesOf(message);
    // The oldest of all is the oldest of its topic.
    this.#topics.get(keyOf(message))?.messages.shift();
  }

  #observe(topic: Topic, { at, payload }: Message): void {
    const numberAt = numberReader(payload);
    if (topic.watched.length === 0) {
      const path = topic.service === "home_assistant" ? STATE : WHOLE;
      // With the first number, a course of the whole value begins.
      if (numberAt(path) === undefined) return;
      this.#follow(topic, path);
    }
    for (const { path, series } of topic.watched) {
      const number = numberAt(path);
      if (number !== undefined) series.push(at, number);
    }
  }
}

/** Adds what the messages that are kept tell of a value. */
function fill({ path, series }: WatchedValue, { messages }: Topic): void {
  for (const { at, payload } of messages) {
    const number = numberReader(payload)(path);
    if (number !== undefined) series.push(at, number);
  }
}

/** Name of the level above all entities of Home Assistant. */
export const ENTITIES_LEVEL = "Home Assistant";

/** Returns the levels of a topic in the tree. */
function levelsOf({ service, name }: Topic): readonly string[] {
  return service === "mqtt" ? name.split("/") : [ENTITIES_LEVEL, ...name.split(".")];
}

function keyOf({ service, topic }: { readonly service: StreamService; readonly topic: string }): string {
  return service === "mqtt" ? `m${topic}` : `h${topic}`;
}

function isSamePath(one: ValuePath, other: ValuePath): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index]);
}

function isSameValue(one: Message | undefined, other: Message): boolean {
  return one?.payload === other.payload && one.base64 === other.base64;
}
