/**
 * Paths of HTTP requests, and the patterns that grant them.
 *
 * A server may decode a path, join its segments and cut it once more than the gateway does. So a path with two readings
 * is refused, never rewritten: what is matched is what is sent.
 *
 * @module
 */

/** Longest path, in characters. */
const MAX_PATH_LENGTH = 2048;

/** Most wildcards of a pattern: each multiplies the work of matching. */
const MAX_WILDCARDS = 8;

/** Characters of a path (RFC 3986), without `;`, which some servers cut off. */
const PATH = /^\/[\w\-.~!$&'()*+,=:@%/]*$/;

/** Encoded characters that mean something in a path, or nothing at all: `/`, `\`, `.`, `%`, `;`, `?`, `#`, controls. */
const AMBIGUOUS = /%(?:[01][\dA-F]|7F|2F|5C|2E|25|3B|3F|23)/i;

/** Returns why a path is refused, as text that follows its field; undefined if it has one reading only. */
export function pathFault(path: string): string | undefined {
  if (path.length > MAX_PATH_LENGTH) return `must have at most ${MAX_PATH_LENGTH} characters`;
  if (!path.startsWith("/")) return "must begin with /";
  if (!PATH.test(path)) return "must hold no query, and only characters of a path: write others as %XX";
  if (/%(?![\dA-F]{2})/i.test(path)) return "must have two hexadecimal digits after each %";
  if (AMBIGUOUS.test(path)) return "must encode none of / \\ . % ; ? # and no control character";
  if (path.includes("//")) return "must have no empty segment";
  if (/\/\.+(?:\/|$)/.test(path)) return "must have no segment of dots alone";
  try {
    // Some servers read a longer form of UTF-8 as the character that it stands for.
    decodeURIComponent(path);
  } catch {
    return "must be UTF-8 where it is encoded";
  }
  return undefined;
}

/** Rule for a pattern of paths, as text that follows it. */
export const PATH_PATTERN_RULE: string =
  "must be a path such as /api/**, with * for any characters within a segment and ** " +
  `for any characters, at most ${MAX_WILDCARDS} of them`;

/** Returns whether a text is a pattern of paths. */
export function isPathPattern(text: string): boolean {
  return pathFault(text) === undefined && tokensOf(text).filter(isWildcard).length <= MAX_WILDCARDS;
}

/**
 * Returns whether a pattern matches a whole path: `*` stands for any characters of a segment, `**` for any characters.
 *
 * Follows all readings of the pattern at once, so that no path makes it slow.
 */
export function matchesPath(pattern: string, path: string): boolean {
  const tokens = tokensOf(pattern);
  let reached = skipWildcards(tokens, [0]);
  for (const char of path) {
    const next: number[] = [];
    for (const at of reached) {
      const token = tokens[at];
      if (token === "**" || (token === "*" && char !== "/")) next.push(at);
      else if (token === char) next.push(at + 1);
    }
    reached = skipWildcards(tokens, next);
  }
  return reached.has(tokens.length);
}

/** Splits a pattern into wildcards and characters. */
function tokensOf(pattern: string): readonly string[] {
  return pattern.match(/\*\*|[^]/gu) ?? [];
}

function isWildcard(token: string | undefined): boolean {
  return token === "*" || token === "**";
}

/** Adds the positions behind wildcards, which may stand for nothing. */
function skipWildcards(tokens: readonly string[], positions: readonly number[]): Set<number> {
  const all = new Set<number>();
  for (let at of positions) {
    all.add(at);
    while (isWildcard(tokens[at])) all.add(at += 1);
  }
  return all;
}
