import { assert, assertEquals, assertLess } from "@std/assert";
import fc from "fast-check";
import { bytesOfPayload, formsOf, payloadText } from "../../../src/console/screens/live/detail/payload_form.ts";
import { isShowable, pictureSize, pictureType } from "../../../src/console/screens/live/detail/picture.ts";
import { numberOf, numberReader, numericPaths } from "../../../src/console/screens/live/model/value_path.ts";

const numberAt = (path: readonly string[], payload: string | null) => numberReader(payload)(path);
const text = (payload: string) => ({ payload });
const binary = (bytes: readonly number[]) => ({ payload: null, base64: Uint8Array.from(bytes).toBase64() });

Deno.test("numberOf() takes numbers, and words of switches as steps, and nothing else", () => {
  assertEquals(["21.5", " -3e2 ", "ON", "closed", true].map(numberOf), [21.5, -300, 1, 0, 1]);
  assertEquals(
    ["", "21 °C", "0x10", "Infinity", "NaN", "1e999", "1e31", 1e300, "9".repeat(100), null, {}].map(numberOf),
    Array(11).fill(undefined),
  );
});

Deno.test("numericPaths() finds numbers in objects and arrays, and numberReader() reads them", () => {
  const payload = JSON.stringify({ a: [{ b: 1 }, "x"], on: false, deep: { c: "2.5" } });
  assertEquals(numericPaths(payload), [["on"], ["deep", "c"], ["a", "0", "b"]]);
  assertEquals(numericPaths(payload).map((path) => numberAt(path, payload)), [0, 2.5, 1]);
  assertEquals(numericPaths("21"), [[]]);
  assertEquals(numericPaths(null), []);
});

Deno.test("numberReader() reads own members only", () => {
  for (const path of [["length"], ["__proto__", "x"], ["constructor", "length"], ["a", "length"]]) {
    assertEquals(numberAt(path, '{"a":[1]}'), undefined);
  }
  assertEquals(numberAt(["__proto__"], '{"__proto__":7}'), 7);
});

Deno.test("numericPaths() is bounded for any payload", () => {
  assertLess(numericPaths(JSON.stringify(Array.from({ length: 20_000 }, () => 1))).length, 101);
  const deep = '{"a":'.repeat(9000) + "1" + "}".repeat(9000);
  assertEquals(numericPaths(deep), []);
  fc.assert(fc.property(fc.json(), (payload) => {
    for (const path of numericPaths(payload)) assert(numberAt(path, payload) !== undefined);
  }));
});

Deno.test("formsOf() offers JSON for objects and arrays that are neither deep nor long, and bytes for anything", () => {
  assertEquals(formsOf(text('{"a":1}')), ["json", "text", "hex"]);
  assertEquals(formsOf(text("21")), ["text", "hex"]);
  assertEquals(formsOf(text("[".repeat(5000) + "]".repeat(5000))), ["text", "hex"]);
  assertEquals(formsOf(text(JSON.stringify(["x".repeat(70_000)]))), ["text", "hex"]);
  assertEquals(formsOf(binary([1, 2])), ["hex"]);
  assertEquals(formsOf(binary([0xff, 0xd8, 0xff, 0xe0])), ["picture", "hex"]);
});

Deno.test("payloadText() shows characters that hide others, and cuts what is long", () => {
  assertEquals(payloadText(text("a\u202Eb\n\tc\u0000"), "text").text, "a⟨U+202E⟩b\n\tc␀");
  const { text: shown, shown: length, all } = payloadText(text("😀".repeat(20_000)), "text");
  assert(shown.isWellFormed());
  assertEquals([length, all], [20_000, 40_000]);
});

Deno.test("payloadText() writes bytes as hex, with their offsets and the characters that they are", () => {
  assertEquals(payloadText(binary([0x41, 0xff, 0x0a]), "hex").text, `0000  41 ff 0a${" ".repeat(39)}  A··`);
  assertEquals(payloadText(text("é"), "hex").text.slice(6, 11), "c3 a9");
  const { shown, all } = payloadText(binary(Array(10_000).fill(1)), "hex");
  assertEquals([shown, all], [4096, 10_000]);
  assertEquals(payloadText({ payload: null, base64: "%%%" }, "hex").text, "");
});

Deno.test("bytesOfPayload() gives the first bytes of any payload", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(50), (bytes, most) => {
    assertEquals([...bytesOfPayload(binary([...bytes]), most)], [...bytes.slice(0, most)]);
  }));
});

Deno.test("a picture is known by its first bytes, and shown only within a number of pixels", () => {
  const png = (width: number, height: number) => {
    const bytes = new Uint8Array(33);
    bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
    new DataView(bytes.buffer).setUint32(16, width);
    new DataView(bytes.buffer).setUint32(20, height);
    return bytes;
  };
  assertEquals(pictureType(binary([...png(2, 3)])), "image/png");
  assertEquals(pictureType({ base64: undefined }), undefined);
  assertEquals(pictureSize(png(640, 480), "image/png"), { width: 640, height: 480 });
  assertEquals([[1, 1], [65_535, 65_535], [0, 9]].map(([width = 0, height = 0]) => isShowable({ width, height })), [
    true,
    false,
    false,
  ]);
  const jpeg = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xff, 0xc2, 0, 17, 8, 1, 0xe0, 2, 0x80, 3);
  assertEquals(pictureSize(jpeg, "image/jpeg"), { width: 640, height: 480 });
});

Deno.test("pictureSize() reads no size behind markers that a decoder skips", () => {
  // Read as one with a length, such a marker hides the real size, and a smaller one follows far behind.
  for (const marker of [0x00, 0x01, 0x90, 0xd0, 0xd7]) {
    const bytes = new Uint8Array(70_000);
    bytes.set([0xff, 0xd8, 0xff, marker, 0xff, 0xc0, 0, 17, 8, 0xff, 0xff, 0xff, 0xff, 3]);
    bytes.set([0xff, 0xc0, 0, 17, 8, 0, 1, 0, 1, 3], 4 + 0xffc0);
    assertEquals(pictureSize(bytes, "image/jpeg"), undefined);
  }
});

Deno.test("pictureSize() ends for any bytes", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom("image/png" as const, "image/jpeg" as const),
      (bytes, type) => {
        pictureSize(Uint8Array.of(0xff, 0xd8, ...bytes), type);
      },
    ),
  );
});
