/**
 * Fields of the options of rights, one part for each service.
 *
 * @module
 */
import { useId } from "preact/hooks";
import type { OptionChoice, RightsOption, ServiceOptions } from "../../protocol/admin_api.ts";
import { visibleText } from "../text/visible.ts";
import { useAdminTexts } from "./admin_texts.ts";
import { type Drafts, everydayOf, linesOf, withLine } from "./drafts.ts";

/** Properties of the fields. */
export interface RightsFieldsProps {
  /** Options by service. */
  readonly services: readonly ServiceOptions[];
  /** True for a new key, to which everyday rights can be granted. */
  readonly isNew: boolean;
  /** Drafts. */
  readonly drafts: Drafts;
  /** Called with each changed draft. */
  readonly onDraft: (name: string, draft: string | boolean) => void;
}

/** Options of rights. */
export function RightsFields({ services, isNew, drafts, onDraft }: RightsFieldsProps) {
  const texts = useAdminTexts().form;
  return (
    <div class="services">
      {services.map(({ service, title, isEveryday, options, choices }) => (
        <details key={service}>
          <summary>
            {title}
            {isGranted(drafts, Object.keys(options)) && <span class="tag">{texts.granted}</span>}
          </summary>
          <div class="service-options">
            {isNew && isEveryday && (
              <CheckRow
                label={texts.everydayOf}
                isOn={drafts[everydayOf(service)] === true}
                onSwitch={(isOn) => onDraft(everydayOf(service), isOn)}
              />
            )}
            {Object.entries(options).map(([name, option]) => (
              <OptionField
                key={name}
                name={name}
                option={option}
                choices={choices[name] ?? []}
                draft={drafts[name]}
                onDraft={(draft) => onDraft(name, draft)}
              />
            ))}
          </div>
        </details>
      ))}
    </div>
  );
}

function isGranted(drafts: Drafts, names: readonly string[]): boolean {
  return names.some((name) => drafts[name] === true || linesOf(drafts[name]).length > 0);
}

function OptionField(
  { name, option, choices, draft, onDraft }: {
    readonly name: string;
    readonly option: RightsOption;
    readonly choices: readonly OptionChoice[];
    readonly draft: string | boolean | undefined;
    readonly onDraft: (draft: string | boolean) => void;
  },
) {
  const texts = useAdminTexts().form;
  const id = useId();
  const description = option.description.replaceAll("\n", " ");
  if (option.type === "boolean") return <CheckRow label={description} isOn={draft === true} onSwitch={onDraft} />;
  const common = {
    id,
    class: "field",
    placeholder: option.value,
    value: typeof draft === "string" ? draft : "",
    autocomplete: "off",
    autocapitalize: "off" as const,
    spellcheck: false,
    "aria-describedby": `${id}-about`,
  };
  return (
    <div class="form-field">
      <label for={id} id={`${id}-name`}>
        <code>{name}</code>
      </label>
      {choices.length > 0 && <Choices labelledBy={`${id}-name`} choices={choices} draft={draft} onDraft={onDraft} />}
      {option.multiple === true
        ? <textarea {...common} rows={1} onInput={(event) => onDraft(event.currentTarget.value)} />
        : <input {...common} onInput={(event) => onDraft(event.currentTarget.value)} />}
      <small id={`${id}-about`}>
        <span lang="en">{description}</span>
        {option.multiple === true && `. ${texts.oneEach}`}
      </small>
    </div>
  );
}

/** Properties of a list to choose from. */
export interface ChoicesProps {
  /** Id of the element with the label of the list. */
  readonly labelledBy: string;
  /** Values. */
  readonly choices: readonly OptionChoice[];
  /** Draft, whose lines are chosen. */
  readonly draft: string | boolean | undefined;
  /** Called with the changed draft. */
  readonly onDraft: (draft: string) => void;
}

/** List of what exists, to choose from. */
export function Choices({ labelledBy, choices, draft, onDraft }: ChoicesProps) {
  const chosen = linesOf(draft);
  return (
    <div class="choices" role="group" aria-labelledby={labelledBy}>
      {choices.map(({ value, label = value }) => (
        <CheckRow
          key={value}
          label={visibleText(label)}
          isOn={chosen.includes(value)}
          onSwitch={(isOn) => onDraft(withLine(draft, value, isOn))}
        />
      ))}
    </div>
  );
}

function CheckRow(
  { label, isOn, onSwitch }: {
    readonly label: string;
    readonly isOn: boolean;
    readonly onSwitch: (isOn: boolean) => void;
  },
) {
  return (
    <label class="check-row">
      <input type="checkbox" checked={isOn} onChange={(event) => onSwitch(event.currentTarget.checked)} />
      {label}
    </label>
  );
}
