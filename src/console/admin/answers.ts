/**
 * Checks of the API's answers: a gateway of another version may have other ones.
 *
 * @module
 */
import { isObject } from "../../lib/json.ts";
import type {
  DoctorReport,
  Finding,
  KeyList,
  KeyOptions,
  KeyUse,
  ListedKey,
  ListedPairing,
  OptionChoice,
  OptionInput,
  PairingOffer,
  Refusal,
  RefusalList,
  RightsOption,
  ServiceOptions,
} from "../../protocol/admin_api.ts";

/** Returns whether an answer is the list of keys. */
export function isKeyList(value: unknown): value is KeyList {
  return isObject(value) && isListOf(value["keys"], isListedKey) && isListOf(value["pairings"], isListedPairing) &&
    isNumber(value["usesSince"]);
}

/** Returns whether an answer has the options of rights. */
export function isKeyOptions(value: unknown): value is KeyOptions {
  return isObject(value) && isListOf(value["services"], isServiceOptions) && isAbsentOr(value["address"], isText);
}

/** Returns whether an answer is a link. */
export function isPairingOffer(value: unknown): value is PairingOffer {
  return isObject(value) && isText(value["name"]) && isText(value["link"]) && isNumber(value["expires"]);
}

/** Returns whether an answer has results of checks. */
export function isDoctorReport(value: unknown): value is DoctorReport {
  return isObject(value) && isNumber(value["at"]) && isListOf(value["results"], isFinding);
}

/** Returns whether an answer is the list of refused requests. */
export function isRefusalList(value: unknown): value is RefusalList {
  return isObject(value) && isNumber(value["minutes"]) && isListOf(value["refusals"], isRefusal);
}

/** Returns whether an answer is that of a change. */
export function isDone(value: unknown): value is null {
  return value === null;
}

function isListedKey(value: unknown): value is ListedKey {
  return isObject(value) && isText(value["name"]) && isText(value["kid"]) && isText(value["version"]) &&
    isText(value["summary"]) &&
    isAbsentOr(value["label"], isText) && isAbsentOr(value["created"], isNumber) &&
    isAbsentOr(value["expires"], isNumber) && isAbsentOr(value["previousUntil"], isNumber) &&
    isAbsentOr(value["unusable"], isOneOf("disabled", "expired")) && typeof value["isDefault"] === "boolean" &&
    isMapOf(value["uses"], isUses) && isListOf(value["rights"], isLabelled) &&
    isMapOf(value["values"], isOptionValue) &&
    isAbsentOr(value["lastUse"], isKeyUse);
}

function isUses(value: unknown): value is ListedKey["uses"][string] {
  return value === null || isObject(value) && isNumber(value["left"]) && isNumber(value["of"]);
}

function isKeyUse(value: unknown): value is KeyUse {
  return isObject(value) && isNumber(value["at"]) && isText(value["service"]) && isAbsentOr(value["target"], isText) &&
    isOneOf("ok", "subscribed", "repeat", "refused", "failed")(value["result"]);
}

function isLabelled(value: unknown): value is readonly [string, string] {
  return isListOf(value, isText) && value.length === 2;
}

function isOptionValue(value: unknown): value is OptionInput[string] {
  return isText(value) || value === true || isListOf(value, isText);
}

function isListedPairing(value: unknown): value is ListedPairing {
  return isObject(value) && isText(value["name"]) && isNumber(value["expires"]) &&
    typeof value["isReplacement"] === "boolean";
}

function isServiceOptions(value: unknown): value is ServiceOptions {
  return isObject(value) && isText(value["service"]) && isText(value["title"]) &&
    typeof value["isEveryday"] === "boolean" &&
    isMapOf(value["options"], isRightsOption) &&
    isMapOf(value["choices"], (list): list is readonly OptionChoice[] => isListOf(list, isChoice));
}

function isRightsOption(value: unknown): value is RightsOption {
  return isObject(value) && isOneOf("string", "boolean")(value["type"]) && isText(value["description"]) &&
    isAbsentOr(value["multiple"], (flag) => typeof flag === "boolean") && isAbsentOr(value["value"], isText);
}

function isChoice(value: unknown): value is OptionChoice {
  return isObject(value) && isText(value["value"]) && isAbsentOr(value["label"], isText);
}

function isFinding(value: unknown): value is Finding {
  return isObject(value) && isText(value["name"]) && isText(value["message"]) && isAbsentOr(value["remedy"], isText) &&
    isOneOf("ok", "warning", "failed", "skipped")(value["status"]);
}

function isRefusal(value: unknown): value is Refusal {
  return isObject(value) && isText(value["cause"]) && isNumber(value["requests"]) && isAbsentOr(value["key"], isText) &&
    isAbsentOr(value["clock_offset_seconds"], isNumber) &&
    isAbsentOr(value["addresses"], (list) => isListOf(list, isCounted));
}

function isCounted(value: unknown): value is { readonly address: string; readonly requests: number } {
  return isObject(value) && isText(value["address"]) && isNumber(value["requests"]);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function isAbsentOr(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || is(value);
}

function isOneOf(...values: readonly string[]): (value: unknown) => boolean {
  return (value) => isText(value) && values.includes(value);
}

function isListOf<T>(value: unknown, is: (value: unknown) => value is T): value is readonly T[] {
  return Array.isArray(value) && value.every(is);
}

function isMapOf<T>(value: unknown, is: (value: unknown) => value is T): value is Readonly<Record<string, T>> {
  return isObject(value) && Object.values(value).every(is);
}
