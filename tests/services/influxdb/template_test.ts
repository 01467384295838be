import { assertEquals } from "@std/assert";
import { type Language, parseTemplate } from "../../../src/services/influxdb/template.ts";

const parse = (text: string, language: Language = "influxql", params: readonly string[] = ["room", "from"]) =>
  parseTemplate(text, { language, params });

const faultOf = (text: string, language: Language, params: readonly string[] = []) =>
  parse(text, language, params).fault;

Deno.test("parseTemplate() splits a query at its placeholders", () => {
  assertEquals(parse("SELECT v FROM t WHERE room = $room AND time > $from"), {
    template: ["SELECT v FROM t WHERE room = ", { param: "room" }, " AND time > ", { param: "from" }, ""],
  });
  assertEquals(parse("from(bucket: $room)\n|> range(start: $from)", "flux"), {
    template: ["from(bucket: ", { param: "room" }, ")\n|> range(start: ", { param: "from" }, ")"],
  });
});

Deno.test("parseTemplate() refuses a placeholder within quotes, in every language", () => {
  const fault = "has $room within quotes: write it without them, the gateway quotes";
  assertEquals(faultOf("SELECT v FROM t WHERE room = '$room'", "influxql", ["room"]), fault);
  assertEquals(faultOf('SELECT "$room" FROM t', "influxql", ["room"]), fault);
  assertEquals(faultOf("SELECT v FROM t WHERE room =~ /^$room/", "influxql", ["room"]), fault);
  assertEquals(faultOf('from(bucket: "$room")', "flux", ["room"]), fault);
  assertEquals(faultOf("SELECT v FROM t WHERE room = '$room'", "sql", ["room"]), fault);
});

Deno.test("parseTemplate() leaves a $ in quotes that is no placeholder, and removes comments", () => {
  assertEquals(parse("SELECT v FROM t WHERE p = 'US$5' -- $room\n/* $from */ LIMIT 1", "influxql", []), {
    template: ["SELECT v FROM t WHERE p = ", "'US$5'", " ", " ", "\n", " ", " LIMIT 1"],
  });
  assertEquals(parse("SELECT v FROM t WHERE a =~ /it's$/ AND b = 'x'", "influxql", []).fault, undefined);
  assertEquals(parse('from(bucket: "$5") // $room', "flux", []).fault, undefined);
  assertEquals(parse("SELECT v / 2 FROM t WHERE a = 'x' AND v / 4 > 1", "influxql", []).fault, undefined);
});

Deno.test("parseTemplate() finds a placeholder within a regular expression, wherever that may be", () => {
  const fault = "has $room within quotes: write it without them, the gateway quotes";
  for (const before of ["r: ", "[", "return ", "a and ", "x != ", "(r) =>\n", "x = // comment\n", "x = 1 + "]) {
    assertEquals(faultOf(`${before}/$room/`, "flux", ["room"]), fault, before);
  }
  for (const before of ["SELECT ", "SELECT a FROM db.rp.", "SELECT a FROM x GROUP BY ", "SELECT a, "]) {
    assertEquals(faultOf(`${before}/$room/`, "influxql", ["room"]), fault, before);
  }
  for (const operand of ["v", "r._value", "r.key", "(1)", 'r["a"]', "2", "é", "floor(x: v)", "v // comment\n"]) {
    assertEquals(faultOf(`x = ${operand} / $room + 4 / 2`, "flux", ["room"]), undefined, operand);
  }
});

Deno.test("parseTemplate() refuses a parameter in the place of a regular expression, which is a text", () => {
  const fault = "has a parameter after =~ or !~, where a regular expression must be: use = or !=";
  assertEquals(faultOf("SELECT v FROM t WHERE room =~ $room", "influxql", ["room"]), fault);
  assertEquals(faultOf("x = r.room !~$room", "flux", ["room"]), fault);
});

Deno.test("parseTemplate() refuses an expression within a string of Flux, which may hold strings itself", () => {
  const fault = "has a string with ${: join strings with + instead";
  assertEquals(faultOf('x = "a ${f(v: "$room")} b"', "flux", ["room"]), fault);
  assertEquals(faultOf('x = "${v}"', "flux"), fault);
});

Deno.test("parseTemplate() takes a placeholder behind an escaped quotation mark for one within quotes", () => {
  assertEquals(
    faultOf("SELECT v FROM t WHERE a = 'it\\'s $room'", "influxql", ["room"])?.slice(0, 23),
    "has $room within quotes",
  );
  assertEquals(
    faultOf("SELECT v FROM t WHERE a = 'it''s $room'", "sql", ["room"])?.slice(0, 23),
    "has $room within quotes",
  );
  assertEquals(faultOf('x = "a\\"$room"', "flux", ["room"])?.slice(0, 23), "has $room within quotes");
});

Deno.test("parseTemplate() refuses all but a single query that reads", () => {
  const single = "must be a single statement, without ;";
  assertEquals(faultOf("SELECT v FROM t; DROP DATABASE d", "influxql"), single);
  assertEquals(faultOf("SELECT 1;", "sql"), single);
  for (const text of ["DROP MEASUREMENT t", "CREATE DATABASE d", "EXPLAIN SELECT v FROM t", "", " ", "-- SELECT"]) {
    assertEquals(typeof faultOf(text, "influxql"), "string", text);
  }
  assertEquals(faultOf("SELECT v\ninto x FROM t", "influxql"), "must not write: INTO is not allowed in it");
  assertEquals(faultOf("SELECT v FROM t WHERE a = 'into; x'", "influxql"), undefined);
  assertEquals(faultOf("SELECT v FROM /into;/ WHERE a =~ /;/", "influxql"), undefined);
  assertEquals(faultOf('SELECT "v" / 2; DROP DATABASE d; SELECT 1 / 2 FROM t', "influxql"), single);
  assertEquals(faultOf("show tag values with key = room", "influxql"), undefined);
  assertEquals(faultOf("INSERT INTO t VALUES (1)", "sql"), "must begin with SELECT, WITH or SHOW");
  assertEquals(faultOf("WITH a AS (SELECT 1) SELECT * FROM a", "sql"), undefined);
  assertEquals(faultOf('from(bucket: "a") |> to(bucket: "b")', "flux"), "must not write: to() is not allowed in it");
});

Deno.test("parseTemplate() refuses quotes and comments that do not end, and a $ after a letter", () => {
  const open = "has a quotation mark or a comment that does not end";
  assertEquals(faultOf("SELECT v FROM t WHERE a = 'x", "influxql"), open);
  assertEquals(faultOf("SELECT v /* FROM t", "sql"), open);
  assertEquals(faultOf('from(bucket: "a', "flux"), open);
  assertEquals(
    faultOf("SELECT v FROM t LIMIT 1$n", "influxql", ["n"]),
    "has a $ directly after a letter or digit: put a space before it",
  );
});
