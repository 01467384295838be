/**
 * Fields of a rule.
 *
 * @module
 */
import { useEffect, useId, useState } from "preact/hooks";
import { GatewayError } from "@e2e-gateway/client";
import { Segments } from "../../../components/segments.tsx";
import { Switch } from "../../../components/switch.tsx";
import type { Connection } from "../../../connection/connection.ts";
import { useTranslated } from "../../../context.tsx";
import { visibleText } from "../../../text/visible.ts";
import { type HomeAction, parseActionList } from "../../home/actions/action_list.ts";
import { useCandidates } from "../../home/pins/use_candidates.ts";
import { Field } from "./field.tsx";
import { CONDITIONS, type RuleDraft, type SourceKind, URGENCIES } from "./rule_draft.ts";
import type { RuleFault, RuleField } from "./rule_fault.ts";
import { pathSuggestions, sourceSuggestions } from "./suggestions.ts";
import { NOTIFICATION_TEXTS } from "./texts.ts";

/** Most buttons of a notification. */
const MAX_ACTIONS = 3;

/** Properties of all fields. */
export interface RuleFieldsProps {
  /** Draft. */
  readonly draft: RuleDraft;
  /** Fault that the gateway found. */
  readonly fault: RuleFault | undefined;
  /** Connection to the home. */
  readonly connection: Connection;
  /** Changes fields of the draft. */
  readonly change: (changes: Partial<RuleDraft>) => void;
}

function faultAt(fault: RuleFault | undefined, field: RuleField): string | undefined {
  return fault?.field === field ? fault.text : undefined;
}

/** Fields of the source. */
export function SourceFields(
  { draft, fault, connection, change, kinds }: RuleFieldsProps & { readonly kinds: readonly SourceKind[] },
) {
  const texts = useTranslated(NOTIFICATION_TEXTS).form;
  const id = useId();
  const seen = [...useCandidates(connection).values()];
  const suggestions = sourceSuggestions(draft.kind, { device: connection.device.value, seen });
  const paths = pathSuggestions(draft.select, seen);
  const setAt = (index: number, text: string) => change({ select: draft.select.with(index, text) });
  return (
    <>
      {kinds.length > 1 && (
        <Segments
          label={texts.source}
          choices={kinds}
          value={draft.kind}
          text={(kind) => texts.kinds[kind]}
          onChoose={(kind) => change({ kind, select: [""], path: "" })}
        />
      )}
      <Field label={texts.select[draft.kind]} hint={texts.selectHow[draft.kind]} fault={faultAt(fault, "source")}>
        {(attributes) =>
          draft.select.map((text, index) => (
            <input
              key={index}
              {...index === 0 ? attributes : { "aria-label": texts.select[draft.kind] }}
              {...INPUTS.code}
              list={`${id}-select`}
              value={text}
              onInput={(event) => setAt(index, event.currentTarget.value)}
            />
          ))}
      </Field>
      <button type="button" class="text-button add" onClick={() => change({ select: [...draft.select, ""] })}>
        {texts.another}
      </button>
      {draft.kind !== "health" && (
        <InputField
          label={texts.path}
          hint={texts.pathHow}
          fault={faultAt(fault, "path")}
          input="code"
          list={`${id}-paths`}
          value={draft.path}
          onText={(path) => change({ path })}
        />
      )}
      <datalist id={`${id}-select`}>{suggestions.map((text) => <option key={text} value={text} />)}</datalist>
      <datalist id={`${id}-paths`}>{paths.map((text) => <option key={text} value={text} />)}</datalist>
    </>
  );
}

/** Fields of the condition. */
export function ConditionFields({ draft, fault, change }: RuleFieldsProps) {
  const texts = useTranslated(NOTIFICATION_TEXTS).form;
  const id = useId();
  const { condition } = draft;
  const hasText = condition === "equals" || condition === "matches";
  const hasLimit = condition === "above" || condition === "below";
  const number = (name: "limit" | "hysteresis") => (
    <InputField
      label={texts[name]}
      input="number"
      value={draft[name]}
      onText={(text) => change({ [name]: text })}
    />
  );
  return (
    <>
      <Field label={texts.condition} fault={faultAt(fault, "condition")}>
        {(attributes) => (
          <select
            {...attributes}
            class="field"
            value={condition}
            onChange={(event) => change({ condition: CONDITIONS[event.currentTarget.selectedIndex] ?? condition })}
          >
            {CONDITIONS.map((type) => <option key={type} value={type}>{texts.conditions[type]}</option>)}
          </select>
        )}
      </Field>
      {hasText && (
        <>
          <InputField
            label={condition === "equals" ? texts.text : texts.pattern}
            value={draft.text}
            onText={(text) => change({ text })}
          />
          <div class="form-row">
            <label for={`${id}-once`}>{texts.once}</label>
            <Switch id={`${id}-once`} isOn={draft.once} onSwitch={(once) => change({ once })} />
          </div>
        </>
      )}
      {hasLimit && <div class="pair">{number("limit")}{number("hysteresis")}</div>}
    </>
  );
}

/** Fields of title, text and importance. */
export function MessageFields({ draft, fault, change }: RuleFieldsProps) {
  const texts = useTranslated(NOTIFICATION_TEXTS).form;
  const id = useId();
  return (
    <>
      <InputField
        label={texts.heading}
        hint={texts.headingHow}
        fault={faultAt(fault, "title")}
        value={draft.title}
        onText={(title) => change({ title })}
      />
      <InputField
        label={texts.body}
        hint={texts.bodyHow}
        fault={faultAt(fault, "body")}
        value={draft.body}
        onText={(body) => change({ body })}
      />
      <div class="form-field">
        <span id={id} class="form-label">{texts.urgency}</span>
        <Segments
          labelledBy={id}
          choices={URGENCIES}
          value={draft.urgency}
          text={(urgency) => texts.urgencies[urgency]}
          onChoose={(urgency) => change({ urgency })}
        />
      </div>
    </>
  );
}

/** Fields of the least interval, and of the quiet hours. */
export function TimeFields({ draft, fault, change }: RuleFieldsProps) {
  const texts = useTranslated(NOTIFICATION_TEXTS).form;
  const id = useId();
  const time = (name: "from" | "to", label: string) => (
    <InputField
      label={label}
      fault={name === "from" ? faultAt(fault, "quietHours") : undefined}
      input="time"
      value={draft[name]}
      onText={(text) => change({ [name]: text })}
    />
  );
  return (
    <>
      <InputField
        label={texts.minutes}
        fault={faultAt(fault, "minIntervalSeconds")}
        input="number"
        min={0}
        value={draft.minutes}
        onText={(minutes) => change({ minutes })}
      />
      <div class="form-row">
        <label for={id}>{texts.quiet}</label>
        <Switch id={id} isOn={draft.isQuiet} onSwitch={(isQuiet) => change({ isQuiet })} />
      </div>
      {draft.isQuiet && <div class="pair">{time("from", texts.quietFrom)}{time("to", texts.quietTo)}</div>}
    </>
  );
}

/** Choice of the buttons, out of the actions that need no values. */
export function ActionFields({ draft, fault, connection, change }: RuleFieldsProps) {
  const texts = useTranslated(NOTIFICATION_TEXTS).form;
  const [actions, setActions] = useState<readonly HomeAction[]>([]);
  const { actions: chosen } = draft;
  const problem = faultAt(fault, "actions");
  useEffect(() => {
    if (connection.device.peek()?.services.includes("action") !== true) return;
    connection.request({ service: "action" }, (client) => client.call("action", {})).then(
      (answer) => setActions(parseActionList(answer)?.actions.filter(({ params }) => params?.length === 0) ?? []),
      (error) => {
        if (!(error instanceof GatewayError)) throw error;
      },
    );
  }, [connection]);
  const known = new Set(actions.map(({ name }) => name));
  const all = [
    ...actions,
    // Of an action that the key lost, so that it can be taken out.
    ...chosen.filter((name) => !known.has(name)).map((name) => ({ name, label: name })),
  ];
  if (all.length === 0) return null;
  return (
    <fieldset class="form-field choices">
      <legend>{texts.actions}</legend>
      {all.map(({ name, label }) => (
        <label key={name}>
          <input
            type="checkbox"
            checked={chosen.includes(name)}
            disabled={!chosen.includes(name) && chosen.length >= MAX_ACTIONS}
            onChange={() =>
              change({
                actions: chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name],
              })}
          />
          <bdi>{visibleText(label)}</bdi>
        </label>
      ))}
      <p class="quiet hint">{texts.actionsHow}</p>
      {problem !== undefined && <p class="fault" role="status">{problem}</p>}
    </fieldset>
  );
}

/** Attributes of the inputs. */
const INPUTS = {
  text: { class: "field", type: "text", autocomplete: "off" },
  code: { class: "field mono", type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: false },
  number: { class: "field num", type: "number", inputMode: "decimal", step: "any" },
  time: { class: "field num", type: "time" },
} as const;

interface InputFieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly fault?: string | undefined;
  readonly input?: keyof typeof INPUTS;
  readonly list?: string;
  readonly min?: number;
  readonly value: string;
  readonly onText: (text: string) => void;
}

function InputField({ label, hint, fault, input = "text", list, min, value, onText }: InputFieldProps) {
  return (
    <Field label={label} hint={hint} fault={fault}>
      {(attributes) => (
        <input
          {...attributes}
          {...INPUTS[input]}
          list={list}
          min={min}
          value={value}
          onInput={(event) => onText(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}
