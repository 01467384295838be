/** Secrets that a process must not print, and the search for them. */
import { parseConfig } from "../../src/config/parse.ts";
import type { SettingsGroup, Variables } from "../../src/config/rules.ts";
import { secretsOf, SETTINGS } from "../../src/config/settings.ts";
import { LEAST_SECRET_LENGTH } from "../../src/observability/mask.ts";

const utf8 = new TextEncoder();

/** Secrets of a gateway by name, in all encodings. */
export class Secrets {
  readonly #spellings = new Map<string, string>();

  constructor(settings: Variables) {
    const config: Readonly<Record<string, Readonly<Record<string, unknown>>>> = parseConfig(settings);
    for (const [group, { settings: fields }] of Object.entries<SettingsGroup>(SETTINGS)) {
      for (const [field, { name }] of Object.entries(fields)) {
        for (const secret of secretsOf({ [group]: { [field]: config[group]?.[field] } })) this.add(name, secret);
      }
    }
  }

  /** Adds a secret, such as a password, an API key or a payload; ignores one that is too short to search for. */
  add(name: string, secret: string): void {
    if (secret.length < LEAST_SECRET_LENGTH) return;
    const bytes = utf8.encode(secret);
    const json = JSON.stringify(secret).slice(1, -1);
    for (
      const spelling of [
        secret,
        json,
        JSON.stringify(json).slice(1, -1),
        encodeURIComponent(secret),
        bytes.toHex(),
        ...base64(bytes),
      ]
    ) this.#spellings.set(spelling, name);
  }

  /** Adds a key, given as 64 hexadecimal digits. */
  addKey(name: string, key: string): void {
    const bytes = Uint8Array.fromHex(key);
    const spellings = [bytes.toHex(), bytes.toHex().toUpperCase(), ...base64(bytes), bytes.join(","), bytes.join(", ")];
    for (const spelling of spellings) this.#spellings.set(spelling, name);
  }

  /** Adds all keys in a file, if it exists. */
  async addKeysOf(path: string): Promise<void> {
    const text = await Deno.readTextFile(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    });
    for (const [key] of text.matchAll(/\b[0-9a-fA-F]{64}\b/g)) this.addKey(`A key in ${path}`, key);
  }

  /** Returns the names of secrets and crashes in an output with their lines, never the secrets themselves. */
  faultsIn(lines: readonly string[]): string[] {
    // The only exception: the first start prints the generated key once, not in the log.
    const shown = lines.findIndex((line, index) =>
      line.startsWith("Secret key: ") && lines[index - 1]?.startsWith("===")
    );
    return lines.flatMap((line, index) => {
      const names = [...this.#spellings].filter(([spelling]) => index !== shown && line.includes(spelling));
      const crash = /\bUncaught\b|\bunhandled\b|\bTimeout\w+Warning\b/i.exec(line);
      return [...new Set([...names.map(([, name]) => name), ...crash ?? []])].map((found) =>
        `${found}: line ${index + 1}`
      );
    });
  }
}

/** Returns both encodings, without the last character if it also depends on the bytes that follow. */
function base64(bytes: Uint8Array<ArrayBuffer>): string[] {
  const standard = bytes.toBase64({ omitPadding: true });
  const url = bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  return [standard, url].map((text) => bytes.length % 3 === 0 ? text : text.slice(0, -1));
}
