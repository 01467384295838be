import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { allowedGateways } from "../../src/console/page_address.ts";
import { formatRoute, parseRoute } from "../../src/console/router.ts";
import { shellFile } from "../../src/console/shell_file.ts";

Deno.test("parseRoute() reads what formatRoute() wrote, and nothing else", () => {
  fc.assert(fc.property(fc.string({ minLength: 1, unit: "binary" }), fc.array(fc.string()), (screen, rest) => {
    assertEquals(parseRoute(formatRoute(screen, ...rest)), { screen, rest });
  }));
  assertEquals(parseRoute(formatRoute("jeedom", "a\ud800b")), { screen: "jeedom", rest: ["a\ufffdb"] });
  assertEquals(["", "#", "#/", "#home", "#/%"].map(parseRoute), Array(5).fill(undefined));
});

Deno.test("shellFile() finds the files of the page below its address, and no request to the gateway", () => {
  const shell = { scope: "https://home.example/prefix/", files: ["./", "assets/main.js"] };
  const find = (url: string, method = "GET") => shellFile({ method, url }, shell);
  assertEquals(find("https://home.example/prefix/"), "./");
  assertEquals(find("https://home.example/prefix/#/home"), "./");
  assertEquals(find("https://home.example/prefix/assets/main.js"), "assets/main.js");
  assertEquals(find("https://home.example/prefix/gateway", "POST"), undefined);
  assertEquals(find("https://home.example/prefix/", "POST"), undefined);
  assertEquals(find("https://home.example/"), undefined);
  assertEquals(find("https://home.example/prefix/health"), undefined);
});

Deno.test("allowedGateways() are those of an exported page, else the page's own origin", () => {
  const page = (content: string | undefined) => ({
    baseURI: "https://home.example/prefix/",
    querySelector: () => content === undefined ? null : { getAttribute: () => content },
  });
  assertEquals(allowedGateways(page(undefined)), ["https://home.example"]);
  assertEquals(allowedGateways(page("https://a.example/ https://b.example/x")), [
    "https://a.example",
    "https://b.example/x",
  ]);
});
