/**
 * Check of the services file: it is valid, and only its owner can read it.
 *
 * @module
 */
import { type Check, combineFindings, failed, ok, skipped } from "../check.ts";
import { checkFileAccess } from "../key_files.ts";

/** Check of the services file. */
export const SERVICES_FILE: Check = {
  name: "services_file",
  async run({ config, machine, sections, servicesFileProblems }) {
    const { file } = config.services;
    if (servicesFileProblems.length > 0) {
      const remedy = `Fix it in ${file}, then: deno task check-config`;
      return combineFindings(servicesFileProblems.map((problem) => failed(problem, remedy)));
    }
    const exists = await machine.files.stat(file).then(() => true, () => false);
    if (!exists) return skipped(`There is no ${file}, which only some services need`);
    const problems = await checkFileAccess({ files: [file], directories: [], mode: config.keys.fileMode, machine });
    if (problems.length > 0) return combineFindings(problems);
    return ok(`${file} is valid. Sections: ${Object.keys(sections).join(", ") || "none"}`);
  },
};
