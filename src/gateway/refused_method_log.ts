/**
 * Log lines about methods that a key is refused, with the command that grants them.
 *
 * @module
 */
import type { Log } from "../observability/log.ts";
import type { Key } from "../keys/keyring.ts";
import type { MethodNotGrantedError, Scope } from "../keys/rights.ts";

/** Most methods to report for one key, whose holder chooses the names. */
const MAX_PER_KEY = 32;

/** Reports each refused method once for each key, until the key's rights change. */
export class RefusedMethodLog {
  readonly #log: Pick<Log, "warn">;
  /** A key has another scope once it was changed. */
  readonly #reported = new WeakMap<Scope, Set<string>>();

  /** Makes the reporter. */
  constructor(log: Pick<Log, "warn">) {
    this.#log = log;
  }

  /** Reports a refusal, unless it was reported before, or the key has had many others. */
  report({ method, granted }: MethodNotGrantedError, { name, scope }: Pick<Key, "name" | "scope">): void {
    const reported = this.#reported.get(scope) ?? new Set();
    if (reported.has(method) || reported.size >= MAX_PER_KEY) return;
    this.#reported.set(scope, reported.add(method));
    const options = [...granted, method].map((pattern) => ` --method '${pattern}'`).join("");
    this.#log.warn("Key {key} may not call {method}. To grant it: {command}", {
      key: name,
      method,
      command: `deno task keys set ${name}${options}`,
    });
    if (reported.size < MAX_PER_KEY) return;
    this.#log.warn("Key {key} was refused {count} methods: further ones are not reported", {
      key: name,
      count: reported.size,
    });
  }
}
