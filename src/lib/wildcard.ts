/**
 * Patterns of texts, in which `*` stands for any characters.
 *
 * @module
 */

/**
 * Returns the function that tests whether a text matches a pattern. It finds the literal parts one after another: a
 * regular expression goes back for each wildcard, and patterns of requests are matched with texts of any length.
 */
export function wildcardMatcher(pattern: string): (text: string) => boolean {
  const [first = "", ...others] = pattern.split("*");
  const last = others.pop();
  if (last === undefined) return (text) => text === first;
  return (text) => {
    if (!text.startsWith(first)) return false;
    let end = first.length;
    for (const literal of others) {
      const found = text.indexOf(literal, end);
      if (found < 0) return false;
      end = found + literal.length;
    }
    return end <= text.length - last.length && text.endsWith(last);
  };
}
