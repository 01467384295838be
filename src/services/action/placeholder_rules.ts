/**
 * Rules for the places of parameters in an action's request: none changes which device or server the action is for.
 *
 * @module
 */
import type { Params } from "./params.ts";
import { findPlaceholders, type Placeholder } from "./placeholders.ts";
import { type ActionRequest, fitsPath, PATH_RULE } from "./request.ts";

/** Members by which a request names what it acts on, or logs in: fixed at any depth, though they stand among values. */
const FIXED_MEMBERS: Readonly<Record<ActionRequest["service"], readonly string[]>> = {
  mqtt: [],
  jeedom: ["id", "plugin", "apikey", "api", "session", "sess_id"],
  http: [],
  "home_assistant": [
    "entity_id",
    "device_id",
    "area_id",
    "floor_id",
    "label_id",
    "entities",
    "snapshot_entities",
    "add_entities",
    "remove_entities",
    "group_members",
  ],
};

/** Fault of a placeholder. */
export interface PlaceholderFault {
  /** Path within the action's request. */
  readonly path: readonly PropertyKey[];
  /** Rule that it does not follow; quotes nothing, as the text may hold a secret. */
  readonly message: string;
}

/** Returns the faults of a request's placeholders, and the names of the parameters that it uses. */
export function checkPlaceholders(
  request: ActionRequest,
  params: Params,
): { readonly faults: readonly PlaceholderFault[]; readonly used: ReadonlySet<string> } {
  const placeholders = [...findPlaceholders(request.values), ...findPlaceholders(request.path, ["path"])];
  const faults = placeholders.flatMap((one) => {
    const message = placeholderFault(request, one, params);
    return message === undefined ? [] : [{ path: one.path, message }];
  });
  const isDeclared = (name: string | undefined) => name !== undefined && params.has(name);
  const places = [...placesOf(request.fixed, "texts too"), ...placesOf(request.values, "names")];
  const misplaced = places.filter(([, text]) => findPlaceholders(text).some(({ name }) => isDeclared(name)));
  return {
    faults: [
      ...faults,
      ...misplaced.map(([path]) => ({ path, message: "must not have a parameter: only values may" })),
    ],
    used: new Set(placeholders.flatMap(({ name }) => name ?? [])),
  };
}

function placeholderFault(
  { service, values }: ActionRequest,
  { name, path, isWhole, text }: Placeholder,
  params: Params,
): string | undefined {
  const param = name === undefined ? undefined : params.get(name);
  if (param === undefined) return "has a $ that no parameter in params belongs to: write $$ for a dollar sign";
  const [field, ...members] = path;
  if (FIXED_MEMBERS[service].some((one) => members.includes(one))) {
    return "must not have a parameter: it chooses what the action acts on";
  }
  const isUnfit = (value: string | number) => !fitsPath(String(value));
  if (field === "path" && param.type === "enum" && param.values.some(isUnfit)) {
    return `has a parameter that ${PATH_RULE}`;
  }
  if (param.type !== "text" || isWhole || path.length > 1) return undefined;
  // A text within a text of another format could add to it: quotes to JSON, an ampersand to a form.
  if (field === "body") {
    return "must not have a text parameter within a longer text: write the body as a map, or use query";
  }
  const looksLikeJson = service === "mqtt" && typeof values["message"] === "string" && /^\s*["[{]/.test(text);
  return looksLikeJson ? "must not have a text parameter within JSON text: write the message as a map" : undefined;
}

type Place = readonly [path: readonly (string | number)[], text: string];

/** Lists the names of all members within a value, and its texts where these are wanted, too. */
function placesOf(value: unknown, wanted: "names" | "texts too", path: readonly (string | number)[] = []): Place[] {
  if (typeof value === "string") return wanted === "names" ? [] : [[path, value]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]): Place[] => {
    const inner = [...path, name];
    return [[inner, name], ...placesOf(member, wanted, inner)];
  });
}
