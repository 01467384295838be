/**
 * Services file: the structured settings of services, one section for each, as YAML.
 *
 * @module
 */
import { closestNames } from "../lib/closest_name.ts";
import { errorText } from "../lib/errors.ts";
import { isObject } from "../lib/json.ts";
import { parseYaml } from "../lib/yaml.ts";
import { createMask } from "../observability/mask.ts";
import type { Section, SectionIssue, Sections } from "../services/section.ts";
import type { ServiceModule } from "../services/service.ts";
import { InvalidServicesFileError } from "./parse.ts";
import { joinWords } from "./rules.ts";
import type { Config } from "./settings.ts";
import { fillVariables, type ValueFault } from "./services_file_values.ts";

/** Valid content of a services file. */
export interface ServicesFile {
  /** Sections by name, with their variables filled in. */
  readonly sections: Sections;
  /** Names of the variables that it names. */
  readonly variables: readonly string[];
  /** Values that no output may show. */
  readonly secrets: readonly string[];
}

/** Options of parsing. */
export interface ServicesFileOptions {
  /** Path of the file, for errors. */
  readonly path: string;
  /** Returns the value of a variable of the environment or of `.env`; undefined if it is not set. */
  readonly variable: (name: string) => string | undefined;
  /** Services that may have a section. */
  readonly services: readonly Pick<ServiceModule, "name" | "section" | "storedRequests" | "requestFault">[];
  /** The settings; absent if they are invalid, so that requests between services cannot be checked. */
  readonly config?: Config | undefined;
}

/**
 * Parses the text of a services file. A section without content counts as absent.
 *
 * @throws {InvalidServicesFileError} with all problems, each with the place in the file, and without any value: a secret may be
 * anywhere
 */
export function parseServicesFile(
  text: string,
  { path, variable, services, config }: ServicesFileOptions,
): ServicesFile {
  const fail = (problems: readonly string[], variables: readonly string[] = []) =>
    new InvalidServicesFileError(problems.map((problem) => `${path}${problem}`), [], [], variables);
  let given: unknown;
  try {
    given = parseYaml(text);
  } catch (error) {
    throw fail([` ${errorText(error)}`]);
  }
  const known = services.flatMap(({ section }) => section ?? []);
  const { value, variables, secrets, faults } = fillVariables(given, variable);
  const sections = isObject(value)
    ? Object.fromEntries(Object.entries(value).filter(([, content]) => content !== null))
    : {};
  const problems = value === null || isObject(value)
    ? [...faults.map(describeFault), ...problemsOf(sections, known, faults)]
    : [` must hold sections, each below its name: ${namesOf(known)}`];
  if (problems.length === 0 && config !== undefined) problems.push(...requestProblems(sections, services, config));
  // No message has a value, but a section's own may.
  if (problems.length > 0) throw fail(problems.map(createMask(secrets)), variables);
  return { sections, variables, secrets };
}

function namesOf(known: readonly Section<unknown>[]): string {
  return known.length === 0 ? "no service has one" : joinWords(known.map(({ name }) => name));
}

function problemsOf(sections: Sections, known: readonly Section<unknown>[], faults: readonly ValueFault[]): string[] {
  return Object.entries(sections).flatMap(([name, content]) => {
    const section = known.find((one) => one.name === name);
    if (section === undefined) {
      return [`: no such section: ${quoteName(name)}. ${suggestion(name, known.map((one) => one.name))}`];
    }
    const { error } = section.safeParse(content);
    return (error?.issues ?? [])
      .map((issue) => ({ ...issue, path: [name, ...issue.path] }))
      // The fault itself is reported; its value is no more than a placeholder.
      .filter((issue) =>
        issue.code === "unrecognized_keys" || !faults.some((fault) => isWithin(fault.path, issue.path))
      )
      .flatMap((issue) => describeIssue(issue, section));
  });
}

/** Returns the problems of the requests that sections have for the services of other ones. */
function requestProblems(
  sections: Sections,
  services: ServicesFileOptions["services"],
  config: Config,
): readonly string[] {
  const requests = services.flatMap((service) => service.storedRequests?.(sections) ?? []);
  return requests.flatMap(({ path, service, payload }) => {
    const fault = services.find(({ name }) => name === service)?.requestFault?.(payload, config, sections);
    return fault === undefined
      ? []
      : [`: ${place([...path, ...fault.field === undefined ? [] : [fault.field]])} ${fault.message}`];
  });
}

/** Returns whether a path is another one, or below it. */
function isWithin(path: readonly PropertyKey[], above: readonly PropertyKey[]): boolean {
  return above.every((part, index) => path[index] === part);
}

function describeFault({ path, message }: ValueFault): string {
  return path.length === 0 ? ` ${message}` : `: ${place(path)} ${message}`;
}

function describeIssue({ path, message, code, keys = [] }: SectionIssue, { fields = [] }: Section<unknown>): string[] {
  if (code === "unrecognized_keys") {
    return keys.map((key) => `: ${place(path)} has no field ${quoteName(key)}. ${suggestion(key, fields)}`);
  }
  return [/^[a-z]/.test(message) ? `: ${place(path)} ${message}` : `: ${place(path)}: ${message}`];
}

function suggestion(given: string, names: readonly string[]): string {
  if (names.includes(given)) return "It belongs to another part of the section";
  const closest = closestNames(given, names);
  if (closest.length > 0) return `Did you mean ${joinWords(closest)}?`;
  return names.length === 0 ? "Remove it" : `There are: ${names.join(", ")}`;
}

/** Longest name that is shown, in characters: a secret in the wrong place is longer, or not of this form. */
const SHOWN_NAME = /^\w[\w.-]{0,29}$/;

/** Quotes a name of the file, unless it could be a secret in the wrong place. */
function quoteName(name: string): string {
  return SHOWN_NAME.test(name) ? `"${name}"` : "of another name";
}

/** Formats a path: `http.frigate.paths[0]`. */
function place(path: readonly PropertyKey[]): string {
  return path.map((part, index) => {
    if (typeof part === "number") return `[${part}]`;
    const name = String(part);
    return `${index > 0 ? "." : ""}${SHOWN_NAME.test(name) ? name : "another"}`;
  }).join("");
}
