/**
 * Drafts of a form: the text of each option of rights, and the options that differ from those of the key.
 *
 * @module
 */
import type { OptionInput, RightsOption, ServiceOptions } from "../../protocol/admin_api.ts";

/** Texts and switches of a form by the name of the option; the values of a list are lines. */
export type Drafts = Readonly<Record<string, string | boolean>>;

/** Name of the option that grants everyday rights in a service. */
const EVERYDAY = "service";

/** Returns the name of the draft of a service's everyday rights. */
export function everydayOf(service: string): string {
  return `${EVERYDAY}\0${service}`;
}

/** Returns the drafts that show the rights of a key. */
export function draftsOf(values: OptionInput): Drafts {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof value === "object" ? value.join("\n") : value]),
  );
}

/** Returns the lines of a draft. */
export function linesOf(draft: string | boolean | undefined): readonly string[] {
  return typeof draft === "string" ? draft.split("\n").filter((line) => line.trim() !== "") : [];
}

/** Returns a draft with or without a line. */
export function withLine(draft: string | boolean | undefined, line: string, isOn: boolean): string {
  const others = linesOf(draft).filter((other) => other !== line);
  return [...others, ...isOn ? [line] : []].join("\n");
}

/**
 * Returns the values of the options that differ from earlier drafts. All others are left out, so that a change touches
 * nothing that the form does not show.
 *
 * @param before drafts of the key as it is; none for a new key
 */
export function changesOf(drafts: Drafts, before: Drafts, services: readonly ServiceOptions[]): OptionInput {
  const everyday = services.map(({ service }) => service).filter((service) => drafts[everydayOf(service)] === true);
  const options = services.flatMap(({ options }) => Object.entries(options));
  return Object.fromEntries([
    ...everyday.length > 0 ? [[EVERYDAY, everyday] as const] : [],
    ...options.flatMap(([name, option]) => changeOf(name, option, { draft: drafts[name], before: before[name] })),
  ]);
}

function changeOf(
  name: string,
  { type, multiple }: RightsOption,
  { draft, before }: { readonly draft: Drafts[string] | undefined; readonly before: Drafts[string] | undefined },
): (readonly [string, OptionInput[string]])[] {
  if (type === "boolean") {
    const isOn = draft === true;
    if (isOn === (before === true)) return [];
    return [[isOn ? name : `no-${name}`, true]];
  }
  const earlier = linesOf(before);
  // A value of the key stays as it is, also with a space at its end.
  const lines = linesOf(draft).map((line) => earlier.includes(line) ? line : line.trim());
  if (lines.length === earlier.length && lines.every((line, index) => line === earlier[index])) return [];
  if (multiple !== true) return [[name, lines.join(" ")]];
  return [[name, lines.length === 0 ? [""] : lines]];
}
