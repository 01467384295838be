/**
 * Rights in a service, as `keys add` and `keys set` change them and `keys list` shows them.
 *
 * @module
 */
import type { GrantableService, ServiceRights } from "../keys/rights.ts";
import type { OptionInput, RightsOption } from "../protocol/admin_api.ts";

/** Options by name. */
export type RightsOptions = Readonly<Record<string, RightsOption>>;

/** Values of options, as the command line has them. */
export type OptionValues = Readonly<Record<string, unknown>>;

/** Request to change the rights of a key in one service. */
export interface RightsRequest {
  /** Rights before the change; undefined for a key without the service. */
  readonly before: ServiceRights | undefined;
  /** Values of all options that are given. */
  readonly values: OptionValues;
  /** True if `--service` names the service: what is ordinary there is granted, unless an option narrows it. */
  readonly isNamed: boolean;
  /** True for a new key. Otherwise one empty value empties a list. */
  readonly isNew: boolean;
}

/** Changed rights in one service. */
export interface RightsChange {
  /** Rights after the change. */
  readonly rights: ServiceRights;
  /** True if an option grants something, so that the key needs the service. */
  readonly isGranted: boolean;
  /** Everything that is wrong with the options, each with its remedy. */
  readonly mistakes: readonly string[];
}

/** Definition of the rights in one service. */
export interface RightsDefinition extends Readonly<GrantableService["rights"]> {
  /** Rights of an ordinary phone: those of `keys add` without options. Absent where such a key has no rights in the service. */
  readonly everyday?: ServiceRights;
  /** Options of `keys add` and `keys set`. */
  readonly options: RightsOptions;
  /** Options of `keys set` alone. */
  readonly setOptions?: RightsOptions;
  /** Sentence about the everyday rights, for the help of `keys add`. */
  readonly addNote?: string;
  /** Sentence for the help of `keys set`. */
  readonly setNote?: string;
  /** Applies options to rights. */
  change(request: RightsRequest): RightsChange;
  /** Returns the values of the options that `change` makes the same rights of. */
  values(rights: ServiceRights): OptionInput;
  /** Describes rights in full: one line each, with its label. */
  describe(rights: ServiceRights): (readonly [label: string, text: string])[];
  /** Summarizes rights in one line, with long lists shortened. */
  summarize(rights: ServiceRights): string;
  /** Returns whether options limit the key to some devices, which rights in other services may still reach. */
  isNewLimit?(rights: ServiceRights, values: OptionValues): boolean;
  /** Describes, in words that follow "may still", rights that may reach devices all the same, with the remedy. */
  describeReach?(rights: ServiceRights): string | undefined;
}

/** Makes an option that can be given several times. */
export function listOption(value: string, description: string): RightsOption {
  return { type: "string", multiple: true, value, description };
}

/** Returns the values of an option that can be given several times; undefined if it is not given. */
export function listValues(values: OptionValues, name: string): readonly string[] | undefined {
  const given = values[name];
  return Array.isArray(given) ? given.map(String) : undefined;
}

/** Returns the new value of a list, without repeats; undefined if its option is not given. */
export function changeList(
  values: OptionValues,
  name: string,
  { isNew }: Pick<RightsRequest, "isNew">,
): string[] | undefined {
  const given = listValues(values, name);
  if (given === undefined) return undefined;
  return !isNew && given.length === 1 && given[0] === "" ? [] : [...new Set(given)];
}

/** Describes values of an option that are wrong, each in a line of its own. */
export function wrongValues(
  option: string,
  values: readonly string[],
  faultOf: (value: string) => string | undefined,
): string[] {
  return values.flatMap((value) => {
    const fault = faultOf(value);
    return fault === undefined ? [] : [`--${option} "${value}" ${fault}`];
  });
}

/** Makes the function that returns a rule for a value that does not follow it. */
export function faultOf(isRight: (value: string) => boolean, rule: string): (value: string) => string | undefined {
  return (value) => isRight(value) ? undefined : rule;
}

/** Returns whether one of the lists is given, and grants something. */
export function grantsAny(lists: readonly (readonly string[] | undefined)[]): boolean {
  return lists.some((values) => values !== undefined && values.length > 0);
}

/** Joins a list for a line of its own. */
export function describeList(values: readonly (string | number)[]): string {
  return values.join(", ") || "none";
}

/** Summarizes lists by their labels, without those that are empty. */
export function summarizeParts(parts: readonly (readonly [label: string, values: readonly string[]])[]): string {
  const granted = parts.filter(([, values]) => values.length > 0);
  return granted.map(([label, values]) => `${label} ${summarizeList(values)}`).join(", ");
}

/** Joins the first entries of a list, and the number of the others. */
export function summarizeList(values: readonly (string | number)[], most = 3): string {
  const more = values.length - most;
  return values.slice(0, most).join(" ") + (more > 0 ? ` and ${more} more` : "");
}
