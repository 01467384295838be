/**
 * Entities with their states: one signal for each, so that a change renders only its own card.
 *
 * @module
 */
import { type Signal, signal } from "@preact/signals";
import type { HomeAssistantState } from "@e2e-gateway/client";
import type { Observable } from "../../observable.ts";
import { type Entity, entityOf, readEntity, unreadEntity } from "./entity.ts";

/** Most entities: Home Assistant's largest homes have a few thousand. */
const MAX_ENTITIES = 20_000;

/** All entities that the key may see. */
export class Entities {
  readonly #states = new Map<string, Signal<Entity>>();
  readonly #ids = signal<readonly string[]>([]);
  #publishing: ReturnType<typeof setTimeout> | undefined;

  /** Ids in the order of the alphabet. It follows a change soon, so that thousands at once are one change. */
  get ids(): Observable<readonly string[]> {
    return this.#ids;
  }

  /** Returns the state of an entity; undefined if there is none of that id. */
  find(id: string): Observable<Entity> | undefined {
    return this.#states.get(id);
  }

  /** Takes the message of an entity. */
  take(id: string, payload: string): void {
    const entity = readEntity(id, payload);
    if (entity === "removed") {
      if (this.#states.delete(id)) this.#publish();
    } else if (entity !== undefined) this.#set(entity);
  }

  /**
   * Takes all states, which were asked for. The stream's are newer.
   *
   * @param before entities that were known when they were asked for: those without a state now are gone
   */
  sync(states: readonly HomeAssistantState[], before: readonly string[]): void {
    const present = new Set(states.map(({ entity_id: id }) => id));
    for (const id of before) {
      if (present.has(id) || this.#states.get(id)?.peek().state === undefined) continue;
      this.#states.delete(id);
    }
    for (const state of states) {
      const entity = entityOf(state.entity_id, state);
      const known = this.#states.get(state.entity_id)?.peek();
      if (entity !== undefined && known?.state === undefined) this.#set(entity);
    }
    this.#publishNow();
  }

  /** Adds entities that the key may call and not read. */
  addUnread(ids: readonly string[]): void {
    for (const id of ids) if (!this.#states.has(id)) this.#set(unreadEntity(id));
  }

  #set(entity: Entity): void {
    const known = this.#states.get(entity.id);
    if (known !== undefined) known.value = entity;
    else if (this.#states.size < MAX_ENTITIES) {
      this.#states.set(entity.id, signal(entity));
      this.#publish();
    }
  }

  #publish(): void {
    this.#publishing ??= setTimeout(() => this.#publishNow(), 0);
  }

  #publishNow(): void {
    clearTimeout(this.#publishing);
    this.#publishing = undefined;
    this.#ids.value = [...this.#states.keys()].sort();
  }
}
