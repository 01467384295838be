import { assertEquals } from "@std/assert";
import { NotGrantedLog } from "../../src/gateway/not_granted_log.ts";
import { NotGrantedError, Scope } from "../../src/keys/rights.ts";

function makeLog() {
  const lines: { message: string; properties: Record<string, unknown> | undefined }[] = [];
  return {
    lines,
    log: new NotGrantedLog({ warn: (message, properties) => void lines.push({ message, properties }) }),
  };
}

const notGranted = (value: string, granted: readonly string[]) =>
  new NotGrantedError({ verb: "call", option: "method", value, granted });

const keyOf = (name: string) => ({ name, scope: new Scope({ jeedom: { methods: ["*"] } }) });

Deno.test("report() logs once for each key and method, with the command that grants it", () => {
  const { lines, log } = makeLog();
  const [phone, tablet] = [keyOf("phone"), keyOf("tablet")];
  const refused = notGranted("log::get", ["*", "user::*"]);
  for (const key of [phone, phone, tablet, phone]) log.report(refused, key);
  log.report(notGranted("getJson", []), phone);
  assertEquals(lines.map(({ properties }) => properties), [
    {
      key: "phone",
      method: "log::get",
      command: "deno task keys set phone --method '*' --method 'user::*' --method 'log::get'",
    },
    {
      key: "tablet",
      method: "log::get",
      command: "deno task keys set tablet --method '*' --method 'user::*' --method 'log::get'",
    },
    { key: "phone", method: "getJson", command: "deno task keys set phone --method 'getJson'" },
  ]);
});

Deno.test("report() has a limit for each key", () => {
  const { lines, log } = makeLog();
  const [greedy, modest] = [keyOf("greedy"), keyOf("modest")];
  for (let n = 0; n < 10_000; n++) log.report(notGranted(`x${n}`, []), greedy);
  assertEquals(lines.length, 33);
  assertEquals(lines.at(-1)?.properties, { key: "greedy", count: 32 });
  log.report(notGranted("log::get", []), modest);
  assertEquals(lines.length, 34);
});

Deno.test("report() names the option of any service", () => {
  const { lines, log } = makeLog();
  log.report(new NotGrantedError({ verb: "echo", option: "word", value: "moon", granted: ["sun"] }), keyOf("phone"));
  log.report(new NotGrantedError({ verb: "echo", option: "page", value: "moon", granted: [] }), keyOf("tablet"));
  assertEquals(lines, [
    {
      message: "Key {key} may not echo {word}. To grant it: {command}",
      properties: { key: "phone", word: "moon", command: "deno task keys set phone --word 'sun' --word 'moon'" },
    },
    {
      message: "Key {key} may not echo {page}. To grant it: {command}",
      properties: { key: "tablet", page: "moon", command: "deno task keys set tablet --page 'moon'" },
    },
  ]);
});
