/**
 * Match of topics with the filters of MQTT, and of entities with patterns of Home Assistant.
 *
 * @module
 */

/** Returns whether a topic filter matches a topic (MQTT 3.1.1, section 4.7). */
export function matchesFilter(filter: string, topic: string): boolean {
  const [levels, parts] = [filter.split("/"), topic.split("/")];
  // Wildcards at the beginning do not match topics of the broker itself (section 4.7.2).
  if (topic.startsWith("$") && /^[#+]/.test(filter)) return false;
  for (const [index, level] of levels.entries()) {
    if (level === "#") return true;
    if (index >= parts.length || level !== "+" && level !== parts[index]) return false;
  }
  return levels.length === parts.length;
}

/** Returns whether a filter matches every topic that another one matches. The gateway also joins several filters. */
export function coversFilter(filter: string, wanted: string): boolean {
  // A topic has at least one level.
  const [levels, parts] = [filter.split("/"), (wanted === "#" ? "+/#" : wanted).split("/")];
  // Wildcards at the beginning match nothing of the broker itself, so that they do not cover a name of it.
  if (wanted.startsWith("$") && /^[#+]/.test(filter)) return false;
  for (const [index, level] of levels.entries()) {
    const part = parts[index];
    if (level === "#") return true;
    if (part === undefined || part === "#" || level !== "+" && level !== part) return false;
  }
  return levels.length === parts.length;
}

/** Returns filters in order without those that others cover: a request has room for a hundred. */
export function widestFilters(
  filters: readonly string[],
  covers: (filter: string, wanted: string) => boolean,
): readonly string[] {
  const all = [...new Set(filters)].sort();
  // Of two that cover each other, the first stays.
  return all.filter((filter) =>
    !all.some((other) => other !== filter && covers(other, filter) && (other < filter || !covers(filter, other)))
  );
}

/** Returns whether a pattern such as `light.*` matches an entity; `*` stands for any characters of one part. */
export function matchesEntity(pattern: string, entity: string): boolean {
  if (pattern === "*") return true;
  const source = pattern.split("*").map((part) => part.replace(/[^\w]/g, "\\$&")).join("[^.]*");
  return new RegExp(`^${source}$`).test(entity);
}
