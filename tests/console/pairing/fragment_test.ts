import { assertEquals } from "@std/assert";
import { takePairingLink } from "../../../src/console/pairing/fragment.ts";

const take = (href: string) => {
  const replaced: string[] = [];
  const { hash } = new URL(href);
  return { link: takePairingLink({ href, hash }, (address) => replaced.push(address)), replaced };
};

Deno.test("takePairingLink() returns the link, and replaces the address by one without the code", () => {
  assertEquals(take("https://home.example/prefix/#pair=CODE"), {
    link: "https://home.example/prefix/#pair=CODE",
    replaced: ["https://home.example/prefix/"],
  });
});

Deno.test("takePairingLink() leaves a query out of the link", () => {
  assertEquals(take("https://home.example/?from=mail#pair=CODE"), {
    link: "https://home.example/#pair=CODE",
    replaced: ["https://home.example/?from=mail"],
  });
});

Deno.test("takePairingLink() leaves any other address alone", () => {
  for (const href of ["https://home.example/", "https://home.example/#/home", "https://home.example/#x#pair=CODE"]) {
    assertEquals(take(href), { link: undefined, replaced: [] });
  }
});
