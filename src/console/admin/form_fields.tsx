/**
 * Fields of the forms: texts, expiry, address, and what is wrong.
 *
 * @module
 */
import { useId } from "preact/hooks";
import { useAdminTexts } from "./admin_texts.ts";

/** Expiries to choose from. */
const SPANS = ["30m", "2h", "24h", "7d", "30d", "90d", "365d"] as const;

/** Expiry of a key; empty to keep it. */
export type Expiry = (typeof SPANS)[number] | "never" | "";

/** Properties of the field of the expiry. */
export interface ExpiryFieldProps {
  /** Value. */
  readonly value: Expiry;
  /** Present expiry, in words, of a key that exists. */
  readonly present?: string;
  /** Called with the chosen value. */
  readonly onChoose: (value: Expiry) => void;
}

/** Field of the expiry. */
export function ExpiryField({ value, present, onChoose }: ExpiryFieldProps) {
  const texts = useAdminTexts().form;
  const id = useId();
  const choices: readonly Expiry[] = [...present === undefined ? [] : [""] as const, "never", ...SPANS];
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
          <option key={choice} value={choice} selected={choice === value}>
            {choice === "" ? texts.keep(present ?? "") : texts.spans[choice]}
          </option>
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
  /** True for a whole number. */
  readonly isNumeric?: boolean;
  /** Called with each change. */
  readonly onInput: (value: string) => void;
}

/** Text field with its label. */
export function TextField({ label, value, about, placeholder, isNumeric = false, onInput }: TextFieldProps) {
  const id = useId();
  return (
    <div class="form-field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class="field"
        value={value}
        placeholder={placeholder}
        inputmode={isNumeric ? "numeric" : "text"}
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

/** Explanation of the gateway of what is wrong with a form, one line each. */
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
