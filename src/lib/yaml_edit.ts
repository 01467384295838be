/**
 * Changes one entry in a section of a YAML text. All other lines stay as they are, with their comments.
 *
 * @module
 */
import { Document, isCollection, isMap, isScalar, type Pair, parseDocument, visit, type YAMLMap } from "yaml";

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
 * @throws {Error} if the text is not YAML, or the section is not a mapping
 */
export function setEntry(text: string, entry: Entry, value: EntryValue): string {
  const document = parse(text, entry);
  const expected = { ...sectionOf(document, entry), [entry.name]: value };
  return change(text, entry, { edit: spliceIn(text, { document, entry, value }), value, expected });
}

/**
 * Removes an entry from a section.
 *
 * @returns the new text
 * @throws {Error} if the text is not YAML, or has no such entry
 */
export function removeEntry(text: string, entry: Entry): string {
  const document = parse(text, entry);
  const { [entry.name]: removed, ...expected } = sectionOf(document, entry);
  if (removed === undefined) throw new Error(`There is no ${entry.name} in ${entry.section}`);
  return change(text, entry, { edit: spliceOut(text, { document, entry }), value: undefined, expected });
}

function parse(text: string, { section }: Entry): Document {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) throw new Error(`It is not YAML: ${error.code}`);
  const isEmpty = document.contents === null || (isScalar(document.contents) && document.contents.value === null);
  const content = isEmpty ? null : document.get(section);
  if (!isEmpty && !isMap(document.contents)) throw new Error("It must hold sections");
  if (content !== undefined && content !== null && !isMap(content)) throw new Error(`${section} must be a mapping`);
  return document;
}

/** Returns the entries of a section. */
function sectionOf(document: Document, { section }: Entry): Record<string, unknown> {
  return { ...document.toJS()?.[section] };
}

/** The change of a text: an edit of its lines, where that gives what is expected, and otherwise of the whole document. */
function change(text: string, entry: Entry, { edit, value, expected }: {
  readonly edit: string | undefined;
  readonly value: EntryValue | undefined;
  readonly expected: EntryValue;
}): string {
  const { section, name } = entry;
  const others = withoutSection(parseDocument(text), section);
  const isExpected = (changed: string): boolean => {
    const document = parseDocument(changed);
    return document.errors.length === 0 && withoutSection(document, section) === others &&
      JSON.stringify(sectionOf(document, entry)) === JSON.stringify(expected);
  };
  if (edit !== undefined && isExpected(edit)) return edit;
  // For example a section in braces: its lines are formatted anew, and so are those of the others.
  const document = parseDocument(text);
  if (value === undefined) document.deleteIn([section, name]);
  else {
    if (!isCollection(document.getIn([section]))) document.setIn([section], document.createNode({}));
    document.setIn([section, name], createNode(document, value));
  }
  const whole = document.toString(FORMAT);
  if (isExpected(whole)) return whole;
  throw new Error(`It has a form of ${section} that cannot be edited: edit it by hand`);
}

function withoutSection(document: Document, section: string): string {
  const { [section]: _, ...others } = document.toJS() ?? {};
  return JSON.stringify(others);
}

/** Long texts stay in one line. */
const FORMAT = { lineWidth: 0 } as const;

/** Makes a node of a value: its members in a line each. */
function createNode(document: Document, value: EntryValue) {
  const node = document.createNode(value);
  visit(node, {
    Collection(_key, collection, { length }) {
      if (length > 0) collection.flow = true;
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
    return text + withLineEnds(`${separator}${entry.section}:\n${format(entry.name, value, "  ")}`, text);
  }
  const map = section.value;
  if (!isMap(map)) {
    // The section has no entries yet.
    const [, end] = rangeOf(section.key);
    return insert(text, nextLine(text, end), format(entry.name, value, "  "));
  }
  const [first] = map.items;
  if (map.flow || first === undefined) return undefined;
  const indent = indentAt(text, rangeOf(first.key)[0]);
  if (indent === undefined) return undefined;
  const lines = format(entry.name, value, indent);
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
  const indent = indentAt(text, rangeOf(pair?.key)[0]);
  if (indent === undefined) return undefined;
  return text.slice(0, rangeOf(pair?.key)[0] - indent.length) + text.slice(endOf(text, pair));
}

/** Formats an entry, each line with an indent. */
function format(name: string, value: EntryValue, indent: string): string {
  // Also texts that other versions of YAML take for dates or booleans are between quotes.
  const document = new Document({}, { compat: "yaml-1.1" });
  document.set(name, createNode(document, value));
  return document.toString(FORMAT).replaceAll(/^(?=.)/gm, indent);
}

function findSection(document: Document, { section }: Entry): Pair | undefined {
  return isMap(document.contents) ? findPair(document.contents, section) : undefined;
}

function findPair(map: YAMLMap, name: string): Pair | undefined {
  return map.items.find(({ key }) => isScalar(key) && key.value === name);
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
