import { assertEquals } from "@std/assert";
import project from "../../deno.json" with { type: "json" };

const ADR = await Deno.readTextFile(new URL("../../docs/adr/0001-npm-mirrors-stand-in-for-jsr.md", import.meta.url));

Deno.test("ADR 0001 lists the module of each @std name as deno.json does", () => {
  const rows = [...ADR.matchAll(/^\| `(@std\/[^`]+)` \| `([^`]+)` \|/gm)].map(([, name, module]) => [name, module]);
  assertEquals(rows, Object.entries(project.imports).filter(([name]) => name.startsWith("@std/")));
});
