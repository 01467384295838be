/**
 * Rights of a key, from the options of `keys add` and `keys set`: a fold over the services.
 *
 * @module
 */
import type { Rights } from "../keys/rights.ts";
import type { OptionInput } from "../protocol/admin_api.ts";
import { grantedServices } from "./granted.ts";
import { changeList, listOption, type OptionValues, type RightsOptions, wrongValues } from "./rights_options.ts";
import type { ServiceModule } from "./service.ts";

/** Breaks a list into lines of the help, of at most 50 characters. */
function wrapList(list: string): string {
  return list.replace(/(.{1,50})(?:(?<=,) |$)/g, (_match, line: string) => `${line}\n`).trimEnd();
}

/** Returns the options of `keys add` that grant rights, those of `--service` first. */
export function rightsOptions(services: readonly ServiceModule[]): RightsOptions {
  const names = wrapList(`Services: ${services.map(({ name }) => name).join(", ")}`);
  return {
    service: listOption("NAME", `Its everyday rights, unless narrowed below.\n${names}`),
    ...Object.assign({}, ...services.map(({ rights }) => rights.options)),
  };
}

/** Returns the options of `keys set` that change rights. */
export function setRightsOptions(services: readonly ServiceModule[]): RightsOptions {
  return { ...rightsOptions(services), ...Object.assign({}, ...services.map(({ rights }) => rights.setOptions ?? {})) };
}

/** Rights, and everything that is wrong with the options, each with its remedy. */
export interface RightsFromOptions {
  /** The rights. */
  readonly rights: Rights;
  /** Lines for the operator; none if all is right. */
  readonly mistakes: readonly string[];
}

function isEmpty(values: OptionValues, services: readonly ServiceModule[]): boolean {
  return Object.keys(setRightsOptions(services)).every((name) => values[name] === undefined);
}

/**
 * Finds the rights of a new key: the everyday ones when no option is given, otherwise what the options name and what that
 * cannot do without.
 */
export function rightsFromOptions(
  values: OptionValues,
  services: readonly ServiceModule[],
): RightsFromOptions {
  if (!isEmpty(values, services)) return changeRights(undefined, values, services);
  const everyday = services.flatMap(({ name, rights }) =>
    rights.everyday === undefined ? [] : [[name, rights.everyday]]
  );
  return { rights: Object.fromEntries(everyday), mistakes: [] };
}

/**
 * Changes the rights of a key: each option that is given replaces its list, and adds the service that it needs. One empty
 * value empties a list.
 */
export function replaceRights(
  rights: Rights,
  values: OptionValues,
  services: readonly ServiceModule[],
): RightsFromOptions {
  return isEmpty(values, services) ? { rights, mistakes: [] } : changeRights(rights, values, services);
}

/** Returns the values of the options by which rights are granted. */
export function optionsOfRights(rights: Rights, services: readonly ServiceModule[]): OptionInput {
  return Object.assign({}, ...grantedServices(rights, services).map(([service, own]) => service.rights.values(own)));
}

/** Changes rights; undefined for those of a new key. */
function changeRights(
  before: Rights | undefined,
  values: OptionValues,
  services: readonly ServiceModule[],
): RightsFromOptions {
  const isNew = before === undefined;
  const named = changeList(values, "service", { isNew });
  const isKnown = (text: string) => services.some(({ name }) => name === text);
  const names = services.map(({ name }) => name).join(" or ");
  const mistakes = wrongValues("service", named ?? [], (text) => isKnown(text) ? undefined : `must be ${names}`);
  const after: Record<string, Rights[string]> = {};
  for (const { name, rights } of services) {
    const own = before?.[name];
    const change = rights.change({ before: own, values, isNamed: named?.includes(name) ?? false, isNew });
    const isKept = named === undefined ? own !== undefined : named.includes(name);
    if (isKept || change.isGranted) after[name] = change.rights;
    mistakes.push(...change.mistakes);
  }
  return { rights: after, mistakes };
}
