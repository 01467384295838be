/**
 * Sections of the services file: the structured settings of services, which are read again while the gateway runs.
 *
 * @module
 */
import type { FieldIssue } from "../protocol/payload.ts";

/** Section of one service. */
export interface Section<Content> {
  /** Its name: the member of the file that holds it. */
  readonly name: string;
  /** Content where the file has no such section. */
  readonly empty: Content;
  /** Names of its fields at every level, of which the closest is suggested for a misspelt one. */
  readonly fields?: readonly string[];
  /** Parses the member's value, strict in every field. */
  safeParse(value: unknown):
    | { readonly success: true; readonly data: Content; readonly error?: undefined }
    | {
      readonly success: false;
      readonly data?: undefined;
      readonly error: { readonly issues: readonly SectionIssue[] };
    };
}

/** A fault in a section. */
export interface SectionIssue extends FieldIssue {
  /** Kind of the fault; `unrecognized_keys` for fields that do not exist. */
  readonly code?: string | undefined;
  /** Names of these fields. */
  readonly keys?: readonly string[];
}

/** Values of all sections by name, valid and with their variables filled in. */
export type Sections = Readonly<Record<string, unknown>>;

/** The sections that are in force; replaced as a whole when the file changes. */
export interface LiveSections {
  /** The current ones. */
  readonly current: Sections;
}

/**
 * Reads a section.
 *
 * @throws {TypeError} if it is not valid: the file's reader has accepted it before
 */
export function readSection<Content>(section: Section<Content>, sections: Sections): Content {
  if (!Object.hasOwn(sections, section.name)) return section.empty;
  const { success, data } = section.safeParse(sections[section.name]);
  if (success) return data;
  throw new TypeError(`Section ${section.name} is not valid`);
}

/** Makes the function that reads the section that is in force, once for each change of the file. */
export function createReadSection<Content>(section: Section<Content>, live: LiveSections): () => Content {
  let read: { readonly of: Sections; readonly content: Content } | undefined;
  return () => {
    const of = live.current;
    if (read?.of !== of) read = { of, content: readSection(section, of) };
    return read.content;
  };
}
