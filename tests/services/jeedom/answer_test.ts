import { assertEquals, assertThrows } from "@std/assert";
import { readAnswer } from "../../../src/services/jeedom/answer.ts";
import { ServiceError } from "../../../src/services/service.ts";

const utf8 = new TextEncoder();

function read(body: string | Uint8Array<ArrayBuffer>, { status = 200, isApi = true } = {}) {
  let strayTexts = 0;
  const bytes = typeof body === "string" ? utf8.encode(body) : body;
  const reply = readAnswer({ status, bytes }, { isApi, onStrayText: () => void (strayTexts += 1) });
  return { ...reply, strayTexts };
}

const ANSWER = '{"jsonrpc":"2.0","id":99999,"result":{"big":6066005651767221768,"n":1.0}}';

Deno.test("readAnswer() passes JSON unchanged", () => {
  for (const bodyJson of [ANSWER, '"text"', "0", "null", " [1.0]\n"]) {
    assertEquals(read(bodyJson, { status: 418 }), { status: 418, bodyJson, strayTexts: 0 });
  }
});

Deno.test("readAnswer() passes JSON of any depth", () => {
  const bodyJson = "[".repeat(100_000) + "]".repeat(100_000);
  assertEquals(read(bodyJson).bodyJson, bodyJson);
});

Deno.test("readAnswer() removes a byte order mark", () => {
  assertEquals(read(`\ufeff${ANSWER}`), { status: 200, bodyJson: ANSWER, strayTexts: 0 });
});

Deno.test("readAnswer() finds the JSON between the warnings of PHP", () => {
  const request = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  for (
    const text of [
      `<br />\n<b>Warning</b>: Undefined array key "x" in <b>/var/www/a.php</b> on line <b>3</b><br />\n${ANSWER}`,
      `\nNotice: Undefined {index} in a.php on line 3\n${ANSWER}\n`,
      `Deprecated: got ${request}\n${ANSWER}`,
      `${ANSWER}<br />\n<b>Warning</b>: at shutdown`,
    ]
  ) {
    assertEquals(read(text), { status: 200, bodyJson: ANSWER, strayTexts: 1 });
  }
});

Deno.test("readAnswer() does not accept a request quoted by a page as an answer", () => {
  const text = 'Not understood: {"jsonrpc":"2.0","id":1,"method":"ping"}';
  assertEquals(read(text, { status: 400 }).bodyJson, JSON.stringify(text));
});

Deno.test("readAnswer() names an answer without content, a page, and JSON that is not UTF-8", () => {
  const latin1 = Uint8Array.from('{"jsonrpc":"2.0","result":"é"}', (character) => character.charCodeAt(0));
  const faults: [Parameters<typeof read>, number, string][] = [
    [[""], 502, "Jeedom answered nothing: one command's value is probably not UTF-8"],
    [["\n"], 502, "Jeedom answered nothing"],
    [["", { status: 204 }], 502, "Jeedom answered nothing"],
    [["", { status: 500 }], 500, "database down or PHP error"],
    [["", { status: 503 }], 503, "Jeedom answered HTTP 503 and nothing else"],
    [["<!DOCTYPE html><html></html>"], 502, "a page for people"],
    [["\n <html lang=fr>"], 502, "a page for people"],
    [[latin1], 502, "not UTF-8"],
  ];
  for (const [input, status, message] of faults) {
    const error = assertThrows(() => read(...input), ServiceError, message);
    assertEquals([error.status, error.code], [status, "service_answer"]);
  }
});

Deno.test("readAnswer() passes pages of plugins, and texts in any encoding, unchanged", () => {
  assertEquals(read("<html></html>", { isApi: false }).bodyJson, '"<html></html>"');
  assertEquals(read(new Uint8Array([0xe9])).bodyJson, '"\ufffd"');
});
