import { assertEquals, assertMatch } from "@std/assert";
import * as fc from "fast-check";
import {
  deliveredFilter,
  filterFault,
  grantedTopicFault,
  grantFault,
  topicFault,
} from "../../../src/mqtt/topics/rules.ts";

Deno.test("topicFault() accepts ordinary topics", () => {
  for (const topic of ["a", "/", "home/küche/licht", "a//b", "/a/", "a$b", " a ", "漢字"]) {
    assertEquals(topicFault(topic), undefined, topic);
  }
});

Deno.test("topicFault() rejects wildcards, system topics, control characters and long topics", () => {
  const faults: [string, RegExp][] = [
    ["", /empty/],
    ["a/+", /wildcards/],
    ["#", /wildcards/],
    ["a+b", /wildcards/],
    ["$SYS/broker", /"\$"/],
    ["$share/g/a", /"\$"/],
    ["a\0b", /NUL/],
    ["a\u0001b", /control/],
    ["a\u007fb", /control/],
    ["a\u0085b", /control/],
    ["a\uffffb", /control/],
    ["a\u{1fffe}b", /control/],
    ["a\ud800b", /well-formed/],
    ["é".repeat(32_768), /65535 bytes/],
    ["/".repeat(100), /100 levels/],
  ];
  for (const [topic, message] of faults) assertMatch(topicFault(topic) ?? "", message);
});

Deno.test("topicFault() accepts the longest topic and rejects one byte more", () => {
  assertEquals(topicFault("a".repeat(65_535)), undefined);
  assertMatch(topicFault("a".repeat(65_536)) ?? "", /65535 bytes/);
});

Deno.test("filterFault() accepts wildcards as whole levels", () => {
  for (const filter of ["#", "+", "a/#", "+/+", "a/+/b", "/#", "+/a/#"]) {
    assertEquals(filterFault(filter), undefined, filter);
  }
});

Deno.test("filterFault() rejects wildcards that are part of a level or in the wrong place", () => {
  for (const filter of ["a#", "a/#/b", "#/a", "##", "a+", "+a/b", "a/b+/c", "", "$SYS/#", "a\0", "$share/g/#"]) {
    assertEquals(typeof filterFault(filter), "string", filter);
  }
});

Deno.test("filterFault() accepts every topic that topicFault() accepts", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (topic) => {
    if (topicFault(topic) === undefined) assertEquals(filterFault(topic), undefined);
  }));
});

Deno.test("grantFault() accepts ordinary filters, and system topics with a name", () => {
  for (const filter of ["#", "a/+", "$SYS/#", "$SYS/broker/+", "$share/g/home/#", "$share/+/#", "$share/g/$SYS/x"]) {
    assertEquals(grantFault(filter), undefined, filter);
  }
});

Deno.test("grantFault() rejects system filters without a name, and the gateway's own level", () => {
  const filters = [
    "$",
    "$/a",
    "$share",
    "$share/g",
    "$share//a",
    "$share/#",
    "$share/g#/a",
    "$share/g/a#",
    "$+",
    "$SYS/a#",
  ];
  for (const filter of [...filters, "$e2e-gateway", "$e2e-gateway/check", "$e2e-gateway/#", "$SYS/\u0001", "a#"]) {
    assertEquals(typeof grantFault(filter), "string", filter);
  }
});

Deno.test("grantedTopicFault() accepts system topics without wildcards", () => {
  for (const topic of ["$SYS/x", "$dps/register", "a"]) assertEquals(grantedTopicFault(topic), undefined, topic);
  for (const topic of ["$SYS/#", "$SYS/+", "$e2e-gateway/check", "", "$"]) {
    assertEquals(typeof grantedTopicFault(topic), "string", topic);
  }
});

Deno.test("deliveredFilter() returns the filter of a shared subscription, and any other filter itself", () => {
  for (
    const [filter, delivered] of [["$share/g/home/#", "home/#"], ["$share/g/", ""], ["$SYS/#", "$SYS/#"], ["a", "a"]]
  ) {
    assertEquals(deliveredFilter(filter ?? ""), delivered);
  }
});
