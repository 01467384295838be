/**
 * States of entities, as events for the rules of alerts.
 *
 * @module
 */
import { createReadRights } from "../../keys/rights.ts";
import { isObject, tryParseJson } from "../../lib/json.ts";
import type { AlertSource } from "../../push/alert_source.ts";
import { MAX_TEXT_LENGTH, type RuleEvent } from "../../push/rules/rule_event.ts";
import type { SharedMessage } from "../../streams/shared_message.ts";
import { ServiceError } from "../service.ts";
import { matcherOfAny } from "./entities.ts";
import { createLimitMessage } from "./limit_message.ts";
import { HOME_ASSISTANT, HomeAssistantGrants } from "./rights.ts";
import { NOT_CONFIGURED } from "./settings.ts";
import type { StateHub } from "./state_hub.ts";

/**
 * Makes the source.
 *
 * @param hub undefined where Home Assistant is not configured
 * @param maxEventBytes largest state whose attributes are read, in bytes
 */
export function createStateAlertSource(
  hub: Pick<StateHub, "subscribe"> | undefined,
  { maxEventBytes }: { readonly maxEventBytes: number },
): AlertSource {
  const readRights = createReadRights(HOME_ASSISTANT, (rights) => {
    const grants = new HomeAssistantGrants(rights);
    return { grants, limitMessage: createLimitMessage((entity) => grants.mayRead(entity)) };
  });
  const events = new WeakMap<SharedMessage, RuleEvent>();

  /** Returns the event of a message: one for all listeners, so that its text is parsed once. */
  function eventOf(message: SharedMessage): RuleEvent {
    const known = events.get(message);
    if (known !== undefined) return known;
    const event = new StateEvent(message, maxEventBytes);
    events.set(message, event);
    return event;
  }

  return {
    kind: "entities",
    grantsInPart: true,
    isGranted: (scope) => hub !== undefined && scope.hasService(HOME_ASSISTANT) && readRights(scope).grants.mayReadAny,
    authorize(select, scope) {
      const { grants } = readRights(scope);
      for (const pattern of select) grants.readSome(pattern);
      if (hub === undefined) throw notConfigured();
    },
    listen(select, { scope, onReady, onEvent, onEnded }) {
      const { grants, limitMessage } = readRights(scope);
      for (const pattern of select) grants.readSome(pattern);
      if (hub === undefined) throw notConfigured();
      const isSelected = matcherOfAny(select);
      return hub.subscribe({
        owner: grants,
        selection: { patterns: select, matches: (entity) => isSelected(entity) && grants.mayRead(entity) },
        keep: true,
        since: undefined,
        connected: onReady,
        gap() {},
        message: (message, isBacklog) => onEvent(eventOf(limitMessage(message)), isBacklog),
        offline() {},
        online() {},
        ended: (reason) => onEnded(reason.message),
      });
    },
  };
}

/** State of an entity: its text is the state alone, its JSON the attributes as well. */
class StateEvent implements RuleEvent {
  readonly kind = "entities";
  readonly subject: string;
  readonly isRetained: boolean;
  readonly #payload: string | undefined;
  #json: { readonly value: unknown } | undefined;

  constructor({ topic, payload, payloadBytes, retain }: SharedMessage, maxBytes: number) {
    this.subject = topic;
    this.isRetained = retain;
    this.#payload = typeof payload === "string" && payloadBytes <= maxBytes ? payload : undefined;
  }

  /** The state; undefined for an entity that was removed. */
  get text(): string | undefined {
    const { json } = this;
    const state = isObject(json) ? json["state"] : undefined;
    return typeof state === "string" && state.length <= MAX_TEXT_LENGTH ? state : undefined;
  }

  get json(): unknown {
    this.#json ??= { value: this.#payload === undefined ? undefined : tryParseJson(this.#payload) };
    return this.#json.value;
  }
}

function notConfigured(): ServiceError {
  return new ServiceError(503, NOT_CONFIGURED, { code: "service_unreachable" });
}
