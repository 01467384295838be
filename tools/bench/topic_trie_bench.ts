/** Matching a topic against few and many filters, with a trie and by testing each filter. */
import { TopicFilterSet } from "../../src/mqtt/topics/filter_set.ts";
import { TopicTrie } from "../../src/mqtt/topics/trie.ts";

/** Alternates three kinds of filters: one state, the state of a device in any room, everything in a room. */
function filterAt(index: number): string {
  const number = Math.floor(index / 3);
  const room = `room${number % 50}`;
  if (index % 3 === 0) return `home/${room}/device${number}/state`;
  if (index % 3 === 1) return `home/+/device${number}/state`;
  // Fifty rooms have only fifty such filters, so later ones match a device.
  return number < 50 ? `home/${room}/#` : `home/${room}/device${number}/#`;
}

for (const count of [10, 1_000, 10_000]) {
  const filters = Array.from({ length: count }, (_, index) => filterAt(index));
  const trie = new TopicTrie<string>();
  for (const filter of filters) trie.add(filter, filter);
  const list = filters.map((filter) => ({ filter, grants: new TopicFilterSet([filter]) }));
  // Many topics, spread over all devices, so that no cache of a single topic improves the result.
  const topics = Array.from({ length: 1_000 }, (_, index) => {
    const number = index * 7 % Math.ceil(count / 3);
    return `home/room${number % 50}/device${number}/state`;
  });
  const group = `${count} filters`;
  let index = 0;

  Deno.bench(`trie, ${group}`, { group }, () => {
    trie.match(topics[index++ % topics.length] ?? "");
  });

  Deno.bench(`each filter, ${group}`, { group, baseline: true }, () => {
    const topic = topics[index++ % topics.length] ?? "";
    list.filter(({ grants }) => grants.matches(topic));
  });
}
