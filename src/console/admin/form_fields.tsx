/**
 * Fields of the forms: expiry, address, and the options of rights.
 *
 * @module
 */
import { useId } from "preact/hooks";
import { useAdminTexts } from "./admin_texts.ts";
import type { RightsOption, ServiceOptions, Values } from "./api.ts";

/** Values of a form, by the name of the option. An empty text is an option that is not given. */
export type Drafts = Readonly<Record<string, string | boolean>>;

/** Changes one value of a form. */
export type OnDraft = (name: string, value: string | boolean) => void;

/** Name of the option that grants everyday rights in a service, and of its value in the form. */
const EVERYDAY = "service";

/** Name of a draft that empties an option. */
const emptied = (name: string) => `${name}\0`;

/** Name of the draft of a service's everyday rights. */
const everydayOf = (service: string) => `${EVERYDAY}\0${service}`;

/** Returns the values that a form stands for. */
export function valuesOf(drafts: Drafts, services: readonly ServiceOptions[]): Values {
  const options = services.flatMap(({ options, changeOptions }) => Object.entries({ ...options, ...changeOptions }));
  const everyday = services.map(({ service }) => service).filter((service) => drafts[everydayOf(service)] === true);
  return Object.fromEntries([
    ...everyday.length > 0 ? [[EVERYDAY, everyday] as const] : [],
    ...options.flatMap(([name, option]) => {
      const value = drafts[emptied(name)] === true ? [""] : valueOf(drafts[name], option);
      return value === undefined ? [] : [[name, value] as const];
    }),
  ]);
}

function valueOf(draft: string | boolean | undefined, option: RightsOption): Values[string] | undefined {
  if (option.type === "boolean") return draft === true ? true : undefined;
  const lines = String(draft ?? "").split("\n").map((line) => line.trim()).filter((line) => line !== "");
  if (lines.length === 0) return undefined;
  return option.multiple === true ? lines : lines[0];
}

/** Properties of the fields of rights. */
export interface RightsFieldsProps {
  /** Options by service. */
  readonly services: readonly ServiceOptions[];
  /** True for a key that exists: further options, and options that can be emptied. */
  readonly isChange: boolean;
  /** Values. */
  readonly drafts: Drafts;
  /** Called with each changed value. */
  readonly onDraft: OnDraft;
}

/** Options of rights, one part for each service. */
export function RightsFields({ services, isChange, drafts, onDraft }: RightsFieldsProps) {
  const texts = useAdminTexts().form;
  return (
    <div class="services">
      {services.map(({ service, options, changeOptions }) => {
        const all = Object.entries(isChange ? { ...options, ...changeOptions } : options);
        const given = all.filter(([name]) => drafts[name] || drafts[emptied(name)]).length +
          (drafts[everydayOf(service)] === true ? 1 : 0);
        return (
          <details key={service}>
            <summary>
              {service}
              {given > 0 && <span class="tag">{given}</span>}
            </summary>
            <div class="service-options">
              {!isChange && (
                <CheckRow
                  label={texts.everydayOf}
                  isOn={drafts[everydayOf(service)] === true}
                  onSwitch={(isOn) => onDraft(everydayOf(service), isOn)}
                />
              )}
              {all.map(([name, option]) => (
                <OptionField
                  key={name}
                  name={name}
                  option={option}
                  isChange={isChange}
                  drafts={drafts}
                  onDraft={onDraft}
                />
              ))}
            </div>
          </details>
        );
      })}
    </div>
  );
}

function OptionField(
  { name, option, isChange, drafts, onDraft }: Omit<RightsFieldsProps, "services"> & {
    readonly name: string;
    readonly option: RightsOption;
  },
) {
  const texts = useAdminTexts().form;
  const id = useId();
  const description = option.description.replaceAll("\n", " ");
  if (option.type === "boolean") {
    return <CheckRow label={description} isOn={drafts[name] === true} onSwitch={(isOn) => onDraft(name, isOn)} />;
  }
  const isEmptied = drafts[emptied(name)] === true;
  const common = {
    id,
    class: "field",
    placeholder: option.value,
    disabled: isEmptied,
    value: String(drafts[name] ?? ""),
    autocomplete: "off",
    spellcheck: false,
    "aria-describedby": `${id}-about`,
  };
  return (
    <div class="form-field">
      <label for={id}>
        <code>{name}</code>
      </label>
      {option.multiple === true
        ? <textarea {...common} rows={1} onInput={(event) => onDraft(name, event.currentTarget.value)} />
        : <input {...common} onInput={(event) => onDraft(name, event.currentTarget.value)} />}
      <small id={`${id}-about`}>
        <span lang="en">{description}</span>
        {option.multiple === true && `. ${texts.oneEach}`}
      </small>
      {isChange && option.multiple === true && (
        <CheckRow
          label={texts.empty(name)}
          isOn={isEmptied}
          onSwitch={(isOn) => onDraft(emptied(name), isOn)}
        />
      )}
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

/** Expiries to choose from. */
const SPANS = ["30m", "2h", "24h", "7d", "30d", "90d", "365d"] as const;

/** Expiry of a key. */
export type Expiry = (typeof SPANS)[number] | "never" | "";

/** Properties of the field of the expiry. */
export interface ExpiryFieldProps {
  /** Value; empty to keep it. */
  readonly value: Expiry;
  /** True for a key that exists. */
  readonly isChange: boolean;
  /** Called with what is chosen. */
  readonly onChoose: (value: Expiry) => void;
}

/** Field of the expiry. */
export function ExpiryField({ value, isChange, onChoose }: ExpiryFieldProps) {
  const texts = useAdminTexts().form;
  const id = useId();
  const choices = [...isChange ? ["" as const] : [], "never" as const, ...SPANS];
  return (
    <div class="form-field">
      <label for={id}>{texts.expires}</label>
      <select
        id={id}
        class="field"
        onChange={(event) => {
          const chosen = choices.find((choice) => choice === event.currentTarget.value);
          if (chosen !== undefined) onChoose(chosen);
        }}
      >
        {choices.map((choice) => (
          <option key={choice} value={choice} selected={choice === value}>{texts.spans[choice]}</option>
        ))}
      </select>
    </div>
  );
}

/** Properties of a text field. */
export interface TextFieldProps {
  /** Label. */
  readonly label: string;
  /** Value. */
  readonly value: string;
  /** Explanation below it. */
  readonly about?: string | undefined;
  /** Example. */
  readonly placeholder?: string | undefined;
  /** Called with each change. */
  readonly onInput: (value: string) => void;
}

/** Text field with its label. */
export function TextField({ label, value, about, placeholder, onInput }: TextFieldProps) {
  const id = useId();
  return (
    <div class="form-field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class="field"
        value={value}
        placeholder={placeholder}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        aria-describedby={about === undefined ? undefined : `${id}-about`}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {about !== undefined && <small id={`${id}-about`}>{about}</small>}
    </div>
  );
}

/** Field of the gateway's address for the device, with a warning where its browser could not encrypt. */
export function AddressField(
  { value, onInput }: { readonly value: string; readonly onInput: (value: string) => void },
) {
  const texts = useAdminTexts().form;
  const url = URL.parse(value);
  const isInsecure = url?.protocol === "http:" && !["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  return (
    <TextField
      label={texts.address}
      value={value}
      placeholder="https://home.example"
      about={isInsecure ? texts.insecure : texts.addressAbout}
      onInput={onInput}
    />
  );
}

/** What the gateway says is wrong with a form, one line each. */
export function Mistakes({ text }: { readonly text: string | undefined }) {
  if (text === undefined) return null;
  return (
    <div class="alert" role="alert" lang="en">
      {text.split("\n").map((line) => <p key={line}>{visibleLine(line)}</p>)}
    </div>
  );
}

/** Returns a message without the dashes by which the command line marks its options. */
function visibleLine(line: string): string {
  return line.replaceAll(/(^|\s)--(?=[a-z])/g, "$1").replace(/^NAME /, "");
}
