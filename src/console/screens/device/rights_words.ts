/**
 * Rights of a key in words.
 *
 * @module
 */
import { isObject } from "../../../lib/json.ts";
import type { DeviceInfo } from "../../connection/device_info.ts";

/**
 * Texts by service and member of its rights, such as `mqtt.publish`. They get a list, or undefined for all there is; an empty
 * text is no limit.
 */
export type RightsTexts = Readonly<Record<string, (list: string | undefined) => string>>;

/** Patterns for all there is. */
const ALL: readonly unknown[] = ["*", "#", "*@*", "/**"];

/** Most patterns of a list that are shown. */
const MAX_LISTED = 4;

/** Returns the rights of a key, one text for each; in the gateway's own words where one of them is newer than the page. */
export function wordsOfRights({ rights, summary }: DeviceInfo, texts: RightsTexts): readonly string[] {
  const words: string[] = [];
  for (const [service, own] of Object.entries(rights)) {
    if (!isObject(own)) return summary;
    for (const [member, value] of Object.entries(own)) {
      if (isNothing(value)) continue;
      const name = `${service}.${member}`;
      const text = Object.hasOwn(texts, name) ? texts[name] : undefined;
      if (text === undefined) return summary;
      words.push(text(listOf(value)));
    }
  }
  return words.length === 0 ? summary : words.filter((text) => text !== "");
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === false || Array.isArray(value) && value.length === 0;
}

function listOf(value: unknown): string | undefined {
  const values = Array.isArray(value) ? value : [value];
  if (values.some((pattern) => ALL.includes(pattern))) return undefined;
  return values.slice(0, MAX_LISTED).join(", ") +
    (values.length > MAX_LISTED ? ` + ${values.length - MAX_LISTED}` : "");
}
