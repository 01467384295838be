/**
 * Duplicate members of JSON objects: RFC 8259, section 4 leaves open what they mean, and `JSON.parse` silently takes the
 * last.
 *
 * @module
 */

/** Two members of one name in one object. */
export interface DuplicateMember {
  /** Names and indexes that lead to the object. */
  readonly path: readonly (string | number)[];
  /** Name that both have. */
  readonly name: string;
}

/** Object or list around the current token. */
interface Container {
  /** Names so far; undefined for a list. */
  readonly names: Set<string> | undefined;
  /** Name or index of the current value. */
  at: string | number;
}

/** Strings, with the colon after a member's name, and structural characters. Numbers and literals are skipped. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\],]/gs;

/**
 * Finds the first object with two members of one name, at any depth.
 *
 * @param text valid JSON
 */
export function findDuplicateMember(text: string): DuplicateMember | undefined {
  const containers: Container[] = [];
  for (const [token, colon] of text.matchAll(TOKENS)) {
    const inside = containers.at(-1);
    if (token === "{") containers.push({ names: new Set(), at: "" });
    else if (token === "[") containers.push({ names: undefined, at: 0 });
    else if (token === "}" || token === "]") containers.pop();
    else if (token === ",") {
      if (typeof inside?.at === "number") inside.at++;
    } else if (colon !== undefined && inside?.names !== undefined) {
      // A name can be escaped: "\u0061" is "a".
      const name = String(JSON.parse(token.slice(0, -colon.length)));
      if (inside.names.has(name)) return { path: containers.slice(0, -1).map(({ at }) => at), name };
      inside.names.add(name);
      inside.at = name;
    }
  }
  return undefined;
}
