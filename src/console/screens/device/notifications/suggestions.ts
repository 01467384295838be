/**
 * Suggestions for the source of a rule: what the key may read.
 *
 * @module
 */
import type { DeviceInfo } from "../../../connection/device_info.ts";
import { readableEntities, readableTopics } from "../../../connection/device_info.ts";
import type { SourceKind } from "./rule_draft.ts";

/** Value that came from the home. */
export interface SeenValue {
  /** Service that it comes from. */
  readonly service: "mqtt" | "home_assistant";
  /** Topic, or entity. */
  readonly topic: string;
  /** Names of members that lead to the value. */
  readonly path: readonly string[];
}

/** Most suggestions. */
const MAX_SUGGESTIONS = 200;

/** Dependencies that every gateway has. */
const HEALTH: readonly string[] = ["*", "broker"];

/** Returns what a source can select. */
export function sourceSuggestions(
  kind: SourceKind,
  { device, seen }: { readonly device: Pick<DeviceInfo, "rights"> | undefined; readonly seen: Iterable<SeenValue> },
): readonly string[] {
  if (kind === "health") return HEALTH;
  const service = kind === "topics" ? "mqtt" : "home_assistant";
  const granted = device === undefined ? [] : kind === "topics" ? readableTopics(device) : readableEntities(device);
  const topics = [...seen].filter((value) => value.service === service).map(({ topic }) => topic);
  return [...new Set([...topics, ...granted])].slice(0, MAX_SUGGESTIONS);
}

/** Returns paths of the values in the JSON of topics or entities. */
export function pathSuggestions(select: readonly string[], seen: Iterable<SeenValue>): readonly string[] {
  const paths = [...seen].filter(({ topic, path }) => select.includes(topic) && path.length > 0).map(({ path }) =>
    path
  );
  return [...new Set(paths.map(pathText))].slice(0, MAX_SUGGESTIONS);
}

/** Formats the path of a member as the gateway reads it. */
function pathText(path: readonly string[]): string {
  return `$${path.map((name) => /^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `[${quoted(name)}]`).join("")}`;
}

function quoted(name: string): string {
  return name.includes("'") ? `"${name}"` : `'${name}'`;
}
