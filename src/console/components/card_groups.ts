/**
 * Groups of cards, the search in them, and the state of what is loaded for them.
 *
 * @module
 */

/** State of what a screen loads. */
export type LoadState =
  | { readonly kind: "loading" }
  | { readonly kind: "known" }
  /** It could not be loaded; with the reason in words, safe to show. */
  | { readonly kind: "failed"; readonly detail: string };

/** Card of a group. */
export interface GroupedCard<T> {
  /** Distinguishes it from the other cards of the screen. */
  readonly id: string;
  /** Text that the search looks through. */
  readonly searched: string;
  /** Content. */
  readonly content: T;
}

/** Group of cards, such as a room. */
export interface CardGroup<T> {
  /** Id in the page's address. */
  readonly id: string;
  /** Name, safe to show. */
  readonly name: string;
  /** Cards. */
  readonly cards: readonly GroupedCard<T>[];
}

/** Returns the groups with the cards whose texts contain all words of a search. */
export function findCards<T>(groups: readonly CardGroup<T>[], search: string): readonly CardGroup<T>[] {
  const words = search.toLowerCase().split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return groups;
  return groups.map(({ cards, ...group }) => ({
    ...group,
    cards: cards.filter(({ searched }) => {
      const text = searched.toLowerCase();
      return words.every((word) => text.includes(word));
    }),
  })).filter(({ cards }) => cards.length > 0);
}

/** Returns the first cards of all groups together, in their groups. */
export function firstCards<T>(groups: readonly CardGroup<T>[], limit: number): readonly CardGroup<T>[] {
  let left = limit;
  return groups.map(({ cards, ...group }) => {
    const shown = cards.slice(0, left);
    left -= shown.length;
    return { ...group, cards: shown };
  }).filter(({ cards }) => cards.length > 0);
}

/** Returns the number of cards in groups. */
export function countCards(groups: readonly CardGroup<unknown>[]): number {
  return groups.reduce((sum, { cards }) => sum + cards.length, 0);
}
