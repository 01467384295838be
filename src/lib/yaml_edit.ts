/**
 * Changes one entry in a section of a YAML text. All other lines stay as they are, with their comments.
 *
 * @module
 */
import { Document, isCollection, isMap, isScalar, type Pair, parseDocument, visit, type YAMLMap } from "yaml";
import { isObject } from "./json.ts";
import { parseYaml, YamlError } from "./yaml.ts";

/** An entry of a section: a mapping below the section's name. */
export interface Entry {
  /** Name of the section, at the top level. */
  readonly section: string;
  /** Name of the entry. */
  readonly name: string;
}

/** Value of an entry. */
export type EntryValue = Readonly<Record<string, unknown>>;

/**
 * Adds an entry to a section, as the last one, or replaces the one of its name. Comments within a replaced one are lost.
 *
 * @returns the new text
 * @throws {YamlError} if the text is not YAML, or its section cannot be edited
 */
export function setEntry(text: string, entry: Entry, value: EntryValue): string {
  const { section, name } = entry;
  const before = parseSections(text, section);
  const expected = { ...before, entries: { ...before.entries, [name]: value } };
  const document = parse(text);
  const edited = spliceIn(text, { document, entry, value });
  if (edited !== undefined && isText(edited, section, expected)) return edited;
  if (!isMap(document.getIn([section]))) document.setIn([section], document.createNode({}));
  document.setIn([section, name], createNode(document, value));
  return formatDocument(document, section, expected);
}

/**
 * Removes an entry from a section.
 *
 * @returns the new text
 * @throws {YamlError} if the text is not YAML, or its section cannot be edited
 * @throws {Error} if there is no such entry
 */
export function removeEntry(text: string, entry: Entry): string {
  const { section, name } = entry;
  const before = parseSections(text, section);
  const { [name]: removed, ...entries } = before.entries;
  if (removed === undefined) throw new Error(`There is no ${name} in ${section}`);
  const expected = { ...before, entries };
  const document = parse(text);
  const edited = spliceOut(text, { document, entry });
  if (edited !== undefined && isText(edited, section, expected)) return edited;
  document.deleteIn([section, name]);
  return formatDocument(document, section, expected);
}

/** Content of a text. */
interface Content {
  /** Entries of one section; none if it is absent or empty. */
  readonly entries: EntryValue;
  /** All other sections. */
  readonly others: EntryValue;
}

/**
 * Parses a text as the gateway reads it.
 *
 * @throws {YamlError} if it is not YAML, or it or the section is not a mapping
 */
function parseSections(text: string, section: string): Content {
  const sections = parseYaml(text) ?? {};
  if (!isObject(sections)) throw new YamlError("must hold sections");
  const { [section]: content, ...others } = sections;
  const entries = content ?? {};
  if (!isObject(entries)) throw new YamlError(`must have a mapping as ${section}`);
  return { entries, others };
}

/** Returns whether a text has some content. */
function isText(text: string, section: string, expected: Content): boolean {
  try {
    return JSON.stringify(parseSections(text, section)) === JSON.stringify(expected);
  } catch {
    return false;
  }
}

function parse(text: string): Document {
  const document = parseDocument(text, COMPATIBLE);
  const [error] = document.errors;
  if (error !== undefined) throw new YamlError(`is not YAML: ${error.code}`);
  return document;
}

/** Texts that other versions of YAML take for dates, numbers or booleans are written between quotes. */
const COMPATIBLE = { compat: "yaml-1.1" } as const;

/** Long texts stay in one line. */
const FORMAT = { lineWidth: 0 } as const;

/**
 * Formats a whole document anew, where its lines cannot be edited: for example a section in braces.
 *
 * @throws {YamlError} if the text is not what is expected
 */
function formatDocument(document: Document, section: string, expected: Content): string {
  try {
    const text = document.toString(FORMAT);
    if (isText(text, section, expected)) return text;
  } catch {
    // An alias whose anchor was in the entry.
  }
  throw new YamlError(`has a section ${section} in a form that a command cannot edit: edit it by hand`);
}

/** Makes a node of a value: its members in a line each. */
function createNode(document: Document, value: EntryValue) {
  const node = document.createNode(value);
  visit(node, {
    Collection(_key, collection, { length }) {
      if (length > 0) collection.flow = true;
    },
    Scalar(_key, scalar) {
      // A block of lines would lose spaces at the ends of lines.
      if (typeof scalar.value === "string" && scalar.value.includes("\n")) scalar.type = "QUOTE_DOUBLE";
    },
  });
  return node;
}

/** Returns the text with the entry in lines of its own; undefined where it has no place for that. */
function spliceIn(text: string, { document, entry, value }: {
  readonly document: Document;
  readonly entry: Entry;
  readonly value: EntryValue;
}): string | undefined {
  const section = findSection(document, entry);
  if (section === undefined) {
    const separator = text === "" || text.endsWith("\n\n") ? "" : text.endsWith("\n") ? "\n" : "\n\n";
    return text + withLineEnds(`${separator}${entry.section}:\n${formatEntry(entry.name, value, "  ")}`, text);
  }
  const map = section.value;
  if (!isMap(map)) {
    // The section has no entries yet.
    const [, end] = rangeOf(section.key);
    return insert(text, nextLine(text, end), formatEntry(entry.name, value, "  "));
  }
  const [first] = map.items;
  if (map.flow || first === undefined) return undefined;
  const indent = indentAt(text, rangeOf(first.key)[0]);
  if (indent === undefined) return undefined;
  const lines = formatEntry(entry.name, value, indent);
  const existing = findPair(map, entry.name);
  if (existing === undefined) return insert(text, endOf(text, map.items.at(-1)), lines);
  const start = rangeOf(existing.key)[0] - indent.length;
  return text.slice(0, start) + withLineEnds(lines, text) + text.slice(endOf(text, existing));
}

/** Returns the text without the lines of the entry; undefined where these hold more. */
function spliceOut(text: string, { document, entry }: {
  readonly document: Document;
  readonly entry: Entry;
}): string | undefined {
  const map = findSection(document, entry)?.value;
  if (!isMap(map) || map.flow) return undefined;
  const pair = findPair(map, entry.name);
  const [start] = rangeOf(pair?.key);
  const indent = indentAt(text, start);
  return indent === undefined ? undefined : text.slice(0, start - indent.length) + text.slice(endOf(text, pair));
}

/** Formats an entry, each line with an indent. */
function formatEntry(name: string, value: EntryValue, indent: string): string {
  const document = new Document({}, COMPATIBLE);
  document.set(name, createNode(document, value));
  // Not by the flag m: it takes other characters than line feeds for line ends, such as U+2028 in a text.
  return document.toString(FORMAT).replaceAll(/(^|\n)(?=[^\n])/g, `$1${indent}`);
}

function findSection(document: Document, { section }: Entry): Pair | undefined {
  return isMap(document.contents) ? findPair(document.contents, section) : undefined;
}

function findPair(map: YAMLMap, name: string): Pair | undefined {
  // A name such as 1 is a number here, and a text for the gateway.
  return map.items.find(({ key }) => isScalar(key) && String(key.value) === name);
}

/** Returns the offsets of a node, without comments. */
function rangeOf(node: unknown): readonly [start: number, end: number] {
  const range = isScalar(node) || isCollection(node) ? node.range : undefined;
  return range ? [range[0], range[1]] : [0, 0];
}

/** Returns the offset after the last line of a pair. */
function endOf(text: string, pair: Pair | undefined): number {
  const end = Math.max(rangeOf(pair?.key)[1], rangeOf(pair?.value)[1]);
  return text[end - 1] === "\n" ? end : nextLine(text, end);
}

function nextLine(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end === -1 ? text.length : end + 1;
}

/** Returns the spaces before an offset; undefined if its line begins with something else. */
function indentAt(text: string, offset: number): string | undefined {
  const before = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
  return /^ *$/.test(before) ? before : undefined;
}

function insert(text: string, offset: number, lines: string): string {
  const before = text.slice(0, offset);
  const separator = before === "" || before.endsWith("\n") ? "" : "\n";
  return before + withLineEnds(separator + lines, text) + text.slice(offset);
}

/** Uses the line ends of a text. */
function withLineEnds(lines: string, text: string): string {
  return text.includes("\r\n") ? lines.replaceAll("\n", "\r\n") : lines;
}
