/** The TypeScript client: the tests of every client with the npm package on Node. */
import type { ClientProgram } from "../clients/client_program.ts";
import { testClient } from "../clients/client_suite.ts";
import { installPackage, WITHOUT_NODE } from "../clients/typescript/installed_package.ts";

const PROGRAMS = ["driver.mjs", "check_vectors.mjs", "installed.mjs"];

let directory = "";
let project = "";

Deno.test.beforeAll(async () => {
  if (WITHOUT_NODE) return;
  directory = await Deno.makeTempDir({ prefix: "typescript-client-" });
  ({ project } = await installPackage(directory));
  for (const name of PROGRAMS) {
    await Deno.copyFile(new URL(`../clients/typescript/${name}`, import.meta.url), `${project}/${name}`);
  }
});

Deno.test.afterAll(async () => {
  if (directory !== "") await Deno.remove(directory, { recursive: true });
});

const program: ClientProgram = {
  language: "TypeScript",
  needs: { "Node 20 with npm": !WITHOUT_NODE },
  command: () => ({ path: "node", args: [`${project}/driver.mjs`] }),
  suffix: "Error",
  badArgument: "TypeError",
};

testClient(program);
