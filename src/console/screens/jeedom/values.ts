/**
 * Current values of commands, or states of scenarios: one signal for each, so that a change renders only what shows it.
 *
 * @module
 */
import { type Signal, signal } from "@preact/signals";
import type { Observable } from "../../observable.ts";
import type { JeedomValue } from "./rooms.ts";

/** Current values. */
export class Values {
  readonly #signals = new Map<number, Signal<JeedomValue | undefined>>();

  /** Returns the value of a command. */
  of(id: number): Observable<JeedomValue | undefined> {
    return this.#signal(id);
  }

  /** Sets the value of a command. */
  set(id: number, value: JeedomValue | undefined): void {
    this.#signal(id).value = value;
  }

  /** Sets the value of a command that is known: one without a place on the screen would fill the memory. */
  update(id: number, value: JeedomValue): void {
    const known = this.#signals.get(id);
    if (known !== undefined) known.value = value;
  }

  #signal(id: number): Signal<JeedomValue | undefined> {
    let found = this.#signals.get(id);
    if (found === undefined) {
      found = signal(undefined);
      this.#signals.set(id, found);
    }
    return found;
  }
}
