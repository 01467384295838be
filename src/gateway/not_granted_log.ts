/**
 * Log lines about what a key is refused, with the command that grants it.
 *
 * @module
 */
import type { Log } from "../observability/log.ts";
import type { Key } from "../keys/keyring.ts";
import type { NotGrantedError, Scope } from "../keys/rights.ts";

/** Most refusals to report for one key, whose holder chooses the names. */
const MAX_PER_KEY = 32;

/** Reports each refusal once for each key, until the key's rights change. */
export class NotGrantedLog {
  readonly #log: Pick<Log, "warn">;
  /** A key has another scope once it was changed. */
  readonly #reported = new WeakMap<Scope, Set<string>>();

  /** Makes the reporter. */
  constructor(log: Pick<Log, "warn">) {
    this.#log = log;
  }

  /** Reports a refusal, unless it was reported before, or the key has had many others. */
  report({ missing }: NotGrantedError, { name, scope }: Pick<Key, "name" | "scope">): void {
    const { verb, option, thing = option, value, granted } = missing;
    const reported = this.#reported.get(scope) ?? new Set();
    const identity = `${option} ${value}`;
    if (reported.has(identity) || reported.size >= MAX_PER_KEY) return;
    this.#reported.set(scope, reported.add(identity));
    const options = [...granted, value].map((text) => ` --${option} '${text}'`).join("");
    this.#log.warn(`Key {key} may not ${verb} {${thing}}. To grant it: {command}`, {
      key: name,
      [thing]: value,
      command: `deno task keys set ${name}${options}`,
    });
    if (reported.size < MAX_PER_KEY) return;
    this.#log.warn(`Key {key} was refused {count} values of --${option}: further ones are not reported`, {
      key: name,
      count: reported.size,
    });
  }
}
