/** Groups of cards, and the search in them. */
import { assertEquals } from "@std/assert";
import { type CardGroup, countCards, findCards, firstCards } from "../../../src/console/components/card_groups.ts";

const group = (id: string, ...searched: string[]): CardGroup<undefined> => ({
  id,
  name: id,
  cards: searched.map((text, index) => ({ id: `${id}${index}`, searched: text, content: undefined })),
});

const ids = (groups: readonly CardGroup<undefined>[]) => groups.map(({ cards }) => cards.map(({ id }) => id));

const GROUPS = [group("a", "Kitchen Lamp", "Kitchen Sensor"), group("b", "Hall Lamp")];

Deno.test("findCards() finds the cards with all words, in any order and case, and leaves out empty groups", () => {
  assertEquals(ids(findCards(GROUPS, "  ")), [["a0", "a1"], ["b0"]]);
  assertEquals(ids(findCards(GROUPS, "LAMP")), [["a0"], ["b0"]]);
  assertEquals(ids(findCards(GROUPS, "lamp hall")), [["b0"]]);
  assertEquals(ids(findCards(GROUPS, "none")), []);
});

Deno.test("firstCards() fills groups in their order, and leaves out those without a card", () => {
  assertEquals([1, 2, 3].map((limit) => ids(firstCards(GROUPS, limit))), [
    [["a0"]],
    [["a0", "a1"]],
    [["a0", "a1"], ["b0"]],
  ]);
  assertEquals(countCards(GROUPS), 3);
});
