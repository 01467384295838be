/**
 * Former names of settings, which are still read.
 *
 * @module
 */
import type { Setting, Variables } from "./rules.ts";
import { type SettingSource, sourceText } from "./unknown_settings.ts";

/** Variable with the former name of a setting. */
export interface FormerName {
  /** The former name. */
  readonly formerName: string;
  /** Name of the setting. */
  readonly name: string;
  /** Source of the variable. */
  readonly source: SettingSource;
}

/** Returns the variables with the names that settings have now. */
export function withCurrentNames(settings: readonly Setting[], variables: Variables): Variables {
  const renamed = settings.flatMap(({ name, formerName }) => {
    const value = formerName === undefined ? undefined : variables[formerName];
    return value === undefined || value === "" || variables[name] ? [] : [[name, value] as const];
  });
  return { ...variables, ...Object.fromEntries(renamed) };
}

/** Finds the variables of a source that have a former name. */
export function findFormerNames(
  settings: readonly Setting[],
  variables: Variables,
  source: SettingSource,
): FormerName[] {
  return settings.flatMap(({ name, formerName }) =>
    formerName !== undefined && variables[formerName] ? [{ name, formerName, source }] : []
  );
}

/** Describes a variable that has a former name, and what to do. */
export function describeFormerName({ name, formerName, source }: FormerName): string {
  return `${formerName} in ${sourceText(source)} is called ${name} now: rename it`;
}

/**
 * Returns the problems of settings that have one value under their name and another one under the former name, in any of
 * the sources.
 */
export function formerNameConflicts(settings: readonly Setting[], sources: readonly Variables[]): string[] {
  const first = (name: string) => sources.map((source) => source[name]).find((value) => value);
  return settings.flatMap(({ name, formerName }) => {
    if (formerName === undefined) return [];
    const [value, former] = [first(name), first(formerName)];
    return value === undefined || former === undefined || value === former
      ? []
      : [`${name} must not differ from ${formerName}, its former name: remove ${formerName}`];
  });
}
