/**
 * Objects of JSON with two members of one name: RFC 8259, section 4 leaves open what they mean, and `JSON.parse` takes
 * the last in silence.
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

/** An object or list that the scan is inside of. */
interface Container {
  /** Names so far; undefined for a list. */
  readonly names: Set<string> | undefined;
  /** Name of the member, or index of the element, that the scan is at. */
  at: string | number;
}

/** Strings, with the colon behind a member's name, and the marks of structure. Numbers and words need no look. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\],]/gs;

/**
 * Finds the first object with two members of one name, at any depth.
 *
 * @param text JSON, which `JSON.parse` takes
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
      // One name has several spellings: "a" is "\u0061".
      const name = String(JSON.parse(token.slice(0, -colon.length)));
      if (inside.names.has(name)) return { path: containers.slice(0, -1).map(({ at }) => at), name };
      inside.names.add(name);
      inside.at = name;
    }
  }
  return undefined;
}
