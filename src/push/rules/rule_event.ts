/**
 * Events that rules are evaluated with.
 *
 * @module
 */
import { tryParseJson } from "../../lib/json.ts";

/** Kinds of sources: MQTT topics, entities of Home Assistant, and the health of what the gateway depends on. */
export type SourceKind = "topics" | "entities" | "health";

/** Message, state or change. */
export interface RuleEvent {
  /** Kind of its source. */
  readonly kind: SourceKind;
  /** Topic, id of the entity, or name of the dependency. */
  readonly subject: string;
  /** Payload or state as text; undefined if it is not text, or too long to be compared. */
  readonly text: string | undefined;
  /** JSON value with the further parts of the event; undefined if there is none. */
  readonly json: unknown;
  /** True for a retained message, and for a state that was there before: it tells nothing new. */
  readonly isRetained: boolean;
}

/** Longest text that is compared, in UTF-16 code units: alerts are about states, not about pictures. */
export const MAX_TEXT_LENGTH = 16_384;

/** Event of a text that may be JSON. It is parsed once, for the first rule that needs it. */
export class TextEvent implements RuleEvent {
  /** Kind of its source. */
  readonly kind: SourceKind;
  /** Topic, id of the entity, or name of the dependency. */
  readonly subject: string;
  /** The text; undefined if it is too long to be compared. */
  readonly text: string | undefined;
  /** True for a retained message. */
  readonly isRetained: boolean;
  #json: { readonly value: unknown } | undefined;

  /** Makes an event from its parts; `text` is undefined for bytes that are not text. */
  constructor({ kind, subject, text, isRetained }: Omit<RuleEvent, "json">) {
    this.kind = kind;
    this.subject = subject;
    this.text = text !== undefined && text.length <= MAX_TEXT_LENGTH ? text : undefined;
    this.isRetained = isRetained;
  }

  /** The text as JSON; undefined if it is not JSON. */
  get json(): unknown {
    this.#json ??= { value: this.text === undefined ? undefined : tryParseJson(this.text) };
    return this.#json.value;
  }
}
