/**
 * Takes secrets out of log lines, whoever put them there: nobody is meant to log one, and a library may do it.
 *
 * @module
 */
import { type Config, settingsWithValues } from "../config/settings.ts";
import { visibleLine } from "./visible.ts";

/** What a line shows in place of a secret. */
export const MASKED = "***";

/**
 * The shortest secret to look for, in characters. A shorter one is a part of too many words: it would spoil each line,
 * and the gaps would tell what it is.
 */
export const LEAST_SECRET_LENGTH = 8;

/** How often a text may have been put into JSON inside of JSON. */
const MOST_ESCAPES = 3;

/** Names of fields whose value is nobody's business, as in `params.apikey` and `MQTT_PASSWORD`. */
export const SECRET_FIELD: RegExp =
  /(pass(word|wd|phrase|code)|pwd|api_?key|secret|token|authorization|cookie|credentials?|payload)$/i;

/** What gives itself away by its form: 32 bytes in hexadecimal digits or base64, and logins in URLs and in headers. */
const HEX_KEY = /\b[0-9a-fA-F]{64}\b/g;
/** Of such bytes in base64, some 17 characters are capitals; a topic of the same length has few. */
const BASE64_KEY = /(?<![\w+/-])(?=(?:[a-z\d_+/-]*[A-Z]){5})[\w+/-]{43}=?(?![\w+/=-])/g;
const URL_LOGIN = /(?<=:\/\/)[^\s/@"']+(?=@)/g;
const HEADER_LOGIN = /(?<=\b(?:Basic|Bearer) )[\w+/=.~-]{8,}/gi;
const FORMS: readonly RegExp[] = [HEX_KEY, BASE64_KEY, URL_LOGIN, HEADER_LOGIN];

/** Makes a function that takes the secrets out of a line, in any usual spelling, and whatever looks like one. */
export function createMask(secrets: readonly string[]): (line: string) => string {
  // Where one secret begins with another one, the longer one is meant.
  const spellings = [...new Set(secrets.filter(({ length }) => length >= LEAST_SECRET_LENGTH).flatMap(spellingsOf))]
    .toSorted((one, other) => other.length - one.length);
  const known = spellings.length === 0 ? undefined : new RegExp(spellings.map(RegExp.escape).join("|"), "g");
  return (line) => {
    const unknown = known === undefined ? line : line.replace(known, MASKED);
    return FORMS.reduce((text, form) => text.replace(form, MASKED), unknown);
  };
}

/** Lists the values of all settings that are secret; of a URL also its password, in plain and as it stands there. */
export function secretsOf(config: Partial<Config>): string[] {
  return settingsWithValues(config).filter(({ setting }) => setting.secret).flatMap(({ value }) =>
    value instanceof URL ? [value.href, value.password, decode(value.password)] : [String(value ?? "")]
  );
}

/** A secret as it is, in JSON, in a URL and in a header, and as it is shown for debugging and on one line. */
function spellingsOf(secret: string): string[] {
  const escaped = [secret];
  for (let count = 0; count < MOST_ESCAPES; count++) escaped.push(JSON.stringify(escaped.at(-1)).slice(1, -1));
  const shown = secret.replaceAll("\\", "\\\\");
  return [
    ...escaped,
    shown,
    visibleLine(secret),
    encodeURIComponent(secret),
    new TextEncoder().encode(secret).toBase64(),
  ];
}

/** The percent signs of a password may be signs of it, and no encoding. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
