/**
 * Access of a key to Jeedom, read from its rights as the keys file has them. The gateway decides; the page only does not
 * ask for what would be refused.
 *
 * @module
 */
import { isObject } from "../../../lib/json.ts";
import type { DeviceInfo } from "../../connection/device_info.ts";

/** Methods that the page calls. */
export type JeedomMethod =
  | "jeeObject::full"
  | "cmd::all"
  | "cmd::byId"
  | "cmd::execCmd"
  | "cmd::getHistory"
  | "datetime"
  | "event::changes"
  | "scenario::all"
  | "scenario::byId"
  | "scenario::changeState";

/** Methods of a key that is limited to some commands and scenarios. */
const LIMITED: readonly JeedomMethod[] = [
  "cmd::byId",
  "cmd::execCmd",
  "cmd::getHistory",
  "event::changes",
  "scenario::byId",
  "scenario::changeState",
];

/** Access of a key. */
export interface JeedomAccess {
  /** Returns whether the key may call a method. */
  readonly may: (method: JeedomMethod) => boolean;
  /** Ids of the commands that the key is limited to; undefined where it has no limit. */
  readonly commands: readonly number[] | undefined;
  /** Ids of the scenarios that the key is limited to; undefined where it has no limit. */
  readonly scenarios: readonly number[] | undefined;
}

/** Reads the access of a key from its rights. */
export function jeedomAccess({ rights }: Pick<DeviceInfo, "rights">): JeedomAccess {
  const own = rights["jeedom"];
  const { methods, refusedMethods, commands, scenarios, everyMethod } = isObject(own) ? own : {};
  const isLimited = Array.isArray(commands) || Array.isArray(scenarios);
  return {
    may(method) {
      if (isLimited && !LIMITED.includes(method)) return false;
      // PHP ignores the case of a class, and Jeedom has an older name for rooms.
      const names = [method, method.replace(/^jeeObject/, "object")];
      if (textsOf(refusedMethods).some((pattern) => names.some((name) => matches(pattern, name, "i")))) return false;
      return everyMethod === true || textsOf(methods).some((pattern) => matches(pattern, method));
    },
    commands: isLimited ? idsOf(commands) : undefined,
    scenarios: isLimited ? idsOf(scenarios) : undefined,
  };
}

function matches(pattern: string, method: string, flags = ""): boolean {
  const source = pattern.split("*").map((part) => part.replace(/[^\w]/g, "\\$&")).join(".*");
  return new RegExp(`^${source}$`, flags).test(method);
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === "string") : [];
}

function idsOf(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.filter((id) => Number.isSafeInteger(id) && id > 0) : [];
}
