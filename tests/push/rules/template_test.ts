import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { TextEvent } from "../../../src/push/rules/rule_event.ts";
import { fillTemplate, parseTemplate } from "../../../src/push/rules/template.ts";

const text = '{"battery":12,"name":"Hall {value}","long":"' + "x".repeat(2000) + '"}';
const event = new TextEvent({ kind: "topics", subject: "home/hall", text, isRetained: false });

function fill(template: string): string | undefined {
  const parsed = parseTemplate(template);
  return parsed === undefined ? undefined : fillTemplate(parsed, { event, value: "12" });
}

Deno.test("fillTemplate() fills in the value, the topic and values of the JSON", () => {
  assertEquals(fill("{topic}: {value} % of {$.name}"), "home/hall: 12 % of Hall {value}");
  assertEquals(fill("{{value}} {$['battery']}"), "{value} 12");
  assertEquals(fill(""), "");
});

Deno.test("fillTemplate() leaves out what is absent, and cuts what is long", () => {
  const parsed = parseTemplate("<{value}{$.absent}>") ?? [];
  assertEquals(fillTemplate(parsed, { event, value: undefined }), "<>");
  assertEquals(fill("{$.long}"), `${"x".repeat(999)}…`);
});

Deno.test("parseTemplate() refuses unknown placeholders, braces alone, and too many placeholders", () => {
  for (const wrong of ["{", "}", "{}", "{name}", "{ value }", "{value", "value}", "{$..a}", "{{{", "{value}}"]) {
    assertEquals(parseTemplate(wrong), undefined, wrong);
  }
  assertEquals(parseTemplate("{value}".repeat(20))?.length, 20);
  assertEquals(parseTemplate("{value}".repeat(21)), undefined);
});

Deno.test("a text with doubled braces is a template of itself", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    assertEquals(fill(text.replaceAll("{", "{{").replaceAll("}", "}}")), text);
  }));
});
