import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { coversFilter } from "../../../src/console/connection/topic_match.ts";
import { exportLines } from "../../../src/console/screens/live/export/export_messages.ts";
import { parseFilterText } from "../../../src/console/screens/live/filter_text.ts";
import { TopicStore } from "../../../src/console/screens/live/model/topic_store.ts";
import { topicFaultOf } from "../../../src/console/screens/live/publish/topic_fault.ts";
import { rowMove } from "../../../src/console/screens/live/rows/row_keys.ts";
import { rowWindow, scrollToRow } from "../../../src/console/screens/live/rows/row_window.ts";
import { isAbove, isOpenAtFirst, listRows, treeRows } from "../../../src/console/screens/live/rows/visible_rows.ts";
import { TopicFilterSet } from "../../../src/mqtt/topics/filter_set.ts";

function rootOf(...topics: readonly string[]) {
  const store = new TopicStore();
  for (const topic of topics) {
    store.add({ service: "mqtt", topic, payload: "", qos: 0, isRetained: false, at: 0 });
  }
  return store.tree.root;
}

const HOME = ["home/hall/door", "home/hall", "home/attic/lamp", "tele/x"];

Deno.test("treeRows() has the open levels in the order of their names, with places and numbers of topics", () => {
  const rows = treeRows(rootOf(...HOME), { isOpen: isOpenAtFirst });
  assertEquals(
    rows.map(({ node, level, isOpen, position, siblings, topics }) => [
      node.name,
      level,
      isOpen,
      `${position}/${siblings}`,
      topics,
    ]),
    [
      ["home", 1, true, "1/2", 3],
      ["attic", 2, false, "1/2", 1],
      ["hall", 2, false, "2/2", 2],
      ["tele", 1, true, "2/2", 1],
      ["x", 2, undefined, "1/1", 1],
    ],
  );
});

Deno.test("treeRows() leaves out what does not match, and listRows() has the topics in the same order", () => {
  const root = rootOf(...HOME);
  const matches = ({ name }: { readonly name: string }) => name.includes("hall");
  const names = treeRows(root, { matches, isOpen: () => true }).map(({ node }) => node.name);
  assertEquals(names, ["home", "hall", "door"]);
  assertEquals(listRows(root, {}).map(({ node }) => node.topic?.name), [
    ...["home/attic/lamp", "home/hall", "home/hall/door", "tele/x"],
  ]);
  assertEquals(listRows(root, { matches }).length, 2);
});

Deno.test("isAbove() is true for all levels above a topic", () => {
  const rows = treeRows(rootOf("a/b/c"), { isOpen: () => true });
  const nodes = rows.map(({ node }) => node);
  const above = nodes.map((node) => nodes.map((other) => isAbove(node, other)));
  assertEquals(above, [[false, true, true], [false, false, true], [false, false, false]]);
  assertEquals(nodes.some((node) => isAbove(node, undefined)), false);
});

Deno.test("keys move through the tree after the pattern of WAI-ARIA", () => {
  const rows = treeRows(rootOf(...HOME), { isOpen: isOpenAtFirst });
  const move = (key: string, active: number) => {
    const found = rowMove(key, { rows, active });
    if (found?.type === "go") return found.index;
    return found?.type === "fold" ? [found.node.name, found.isOpen] : found?.row.node.name;
  };
  assertEquals([move("ArrowDown", 0), move("ArrowDown", 4), move("ArrowUp", 0), move("End", 0), move("Home", 3)], [
    ...[1, 4, 0, 4, 0],
  ]);
  assertEquals([move("ArrowRight", 0), move("ArrowRight", 1), move("ArrowRight", 4)], [1, ["attic", true], undefined]);
  assertEquals([move("ArrowLeft", 0), move("ArrowLeft", 2), move("ArrowLeft", 4)], [["home", false], 0, 3]);
  assertEquals([move("Enter", 1), move("Enter", 2), move(" ", 0)], [["attic", true], "hall", ["home", false]]);
  assertEquals([move("ArrowDown", -1), move("x", 0), rowMove("ArrowDown", { rows: [], active: -1 })], [
    ...[0, undefined, undefined],
  ]);
});

Deno.test("rowWindow() holds every row that can be seen, and few more", () => {
  const sizes = fc.record({
    scrollTop: fc.integer({ min: -50, max: 500_000 }),
    height: fc.integer({ min: 0, max: 2000 }),
    rowHeight: fc.constantFrom(40, 58),
    rows: fc.nat(10_000),
  });
  fc.assert(fc.property(sizes, ({ scrollTop, height, rowHeight, rows }) => {
    const { first, end } = rowWindow({ scrollTop, height, rowHeight, rows });
    assert(first >= 0 && end <= rows && end - first < height / rowHeight + 16);
    // Browsers bounce beyond the ends.
    if (scrollTop < 0 || scrollTop > rows * rowHeight - height) return;
    assert(first <= scrollTop / rowHeight && end >= (scrollTop + height) / rowHeight);
  }));
});

Deno.test("scrollToRow() moves no farther than it has to", () => {
  const at = (index: number, scrollTop: number) => scrollToRow(index, { scrollTop, height: 100, rowHeight: 40 });
  assertEquals([at(0, 0), at(2, 0), at(1, 80), at(5, 0)], [0, 20, 40, 140]);
});

Deno.test("coversFilter() agrees with the gateway for a single filter", () => {
  const level = fc.constantFrom("a", "b", "", "$SYS", "+");
  const filter = fc.tuple(fc.array(level, { maxLength: 4 }), fc.boolean())
    .map(([levels, hasRest]) => (hasRest || levels.length === 0 ? [...levels, "#"] : levels).join("/"));
  fc.assert(
    fc.property(filter, filter, (filter, wanted) => {
      fc.pre(filter !== "" && wanted !== "");
      assertEquals(coversFilter(filter, wanted), new TopicFilterSet([filter]).covers(wanted), `${filter} ${wanted}`);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("parseFilterText() tells filters from words, and knows the rights of the key", () => {
  const parse = (text: string) => parseFilterText(text, ["home/#"]);
  assertEquals(parse("  Hall door "), { kind: "words", words: ["hall", "door"] });
  assertEquals(parse("home/hall"), { kind: "words", words: ["home/hall"] });
  assertEquals(parse("home/+/door"), { kind: "filter", filter: "home/+/door" });
  assertEquals(parse("#"), { kind: "refused", filter: "#" });
  assertEquals(
    ["home/#/x", "home/a+", "a#", "home/\u0001/#", `home/${"x".repeat(2000)}/#`].map((text) => parse(text).kind),
    [
      ...Array(5).fill("malformed"),
    ],
  );
});

Deno.test("topicFaultOf() refuses what the gateway would refuse", () => {
  const fault = (topic: string) => topicFaultOf(topic, ["test/#"]);
  assertEquals([fault("test/a"), fault("test"), fault("other"), fault(""), fault("test/+"), fault("test/\u0000")], [
    ...[undefined, undefined, "notAllowed", "malformed", "malformed", "malformed"] as const,
  ]);
});

Deno.test("exportLines() writes JSONL that reads back, and CSV that no spreadsheet runs", () => {
  const message = { service: "mqtt" as const, topic: "a,b", qos: 1, isRetained: true, at: 0 };
  const payloads = ['=HYPERLINK("x")', "-3.5", "line\nbreak", null];
  const messages = payloads.map((payload) => ({ ...message, payload, ...payload === null ? { base64: "AQ==" } : {} }));
  assertEquals(exportLines(messages, "jsonl").map((line) => JSON.parse(line).payload), payloads);
  assertEquals(exportLines(messages, "csv"), [
    "time,service,topic,payload,payload_b64,qos,retain\r\n",
    '1970-01-01T00:00:00.000Z,mqtt,"a,b","\'=HYPERLINK(""x"")",,1,true\r\n',
    '1970-01-01T00:00:00.000Z,mqtt,"a,b",-3.5,,1,true\r\n',
    '1970-01-01T00:00:00.000Z,mqtt,"a,b","line\nbreak",,1,true\r\n',
    '1970-01-01T00:00:00.000Z,mqtt,"a,b",,AQ==,1,true\r\n',
  ]);
});

Deno.test("exportLines() leaves no formula to a spreadsheet that ends fields at semicolons, tabs and line ends", () => {
  const rest = { service: "mqtt" as const, qos: 0, isRetained: false, at: 0 };
  const hostile = ["x;=A1", 'x;"=A1', "x\n=A1", "\t=A1", " =A1", "＝A1", "@A1", "-A1", "+A1", '"=A1', "x\r-1"];
  for (const text of hostile) {
    const [, line = ""] = exportLines([{ ...rest, topic: text, payload: text }], "csv");
    for (const cell of line.trimEnd().split(/[,;\t\r\n]/)) assert(!/^[" ]*[=+\-@＝＋－＠]/.test(cell), line);
  }
  const harmless = ["a-b=c", "-1.5e3", "x; y", '{"a":-1}'];
  for (const payload of harmless) {
    assert(!exportLines([{ ...rest, topic: "a", payload }], "csv")[1]?.includes("'"), payload);
  }
});
