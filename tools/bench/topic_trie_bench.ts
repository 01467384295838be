/** Finding the subscriptions that a message is for, among few and many, with a trie and by trying each filter. */
import { TopicFilterSet } from "../../src/mqtt/topics/filter_set.ts";
import { TopicTrie } from "../../src/mqtt/topics/trie.ts";

/** Three kinds of filters in turn: one state, the state of a device wherever it stands, everything in a room. */
function filterAt(index: number): string {
  const number = Math.floor(index / 3);
  const room = `room${number % 50}`;
  if (index % 3 === 0) return `home/${room}/device${number}/state`;
  if (index % 3 === 1) return `home/+/device${number}/state`;
  // Fifty rooms have only fifty such filters, so the later ones begin below the room.
  return number < 50 ? `home/${room}/#` : `home/${room}/device${number}/#`;
}

for (const count of [10, 1_000, 10_000]) {
  const filters = Array.from({ length: count }, (_, index) => filterAt(index));
  const trie = new TopicTrie<string>();
  for (const filter of filters) trie.add(filter, filter);
  const list = filters.map((filter) => ({ filter, grants: new TopicFilterSet([filter]) }));
  // Spread over all devices, and many, so that no cache of a single topic flatters the result.
  const topics = Array.from({ length: 1_000 }, (_, index) => {
    const number = index * 7 % Math.ceil(count / 3);
    return `home/room${number % 50}/device${number}/state`;
  });
  const group = `${count} filters`;
  let turn = 0;

  Deno.bench(`trie, ${group}`, { group }, () => {
    trie.match(topics[turn++ % topics.length] ?? "");
  });

  Deno.bench(`trying each, ${group}`, { group, baseline: true }, () => {
    const topic = topics[turn++ % topics.length] ?? "";
    list.filter(({ grants }) => grants.matches(topic));
  });
}
