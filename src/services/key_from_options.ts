/**
 * New and changed keys, from the options of `keys add` and `keys set`, and from the forms of the Admin page.
 *
 * @module
 */
import { expiryFromOption, protocolFromOption, rateFromOptions, type RateValues } from "../keys/key_options.ts";
import type { PendingKey } from "../keys/pairing_code.ts";
import { DEFAULT_KEY_NAME, isKeyName, type KeyRecord, NAME_RULE } from "../keys/schema.ts";
import { replaceRights, rightsFromOptions } from "./rights_from_options.ts";
import type { OptionValues } from "./rights_options.ts";
import type { ServiceModule } from "./service.ts";

/** Values of the options of a new key. */
export interface NewKeyValues extends OptionValues, RateValues {
  /** Expiry. */
  readonly expires?: string | undefined;
}

/** Values of the options that change a key. */
export interface KeyChangeValues extends NewKeyValues {
  /** Oldest version of the protocol. */
  readonly "min-protocol"?: string | undefined;
}

/** The time, and the services that keys may grant. */
export interface KeyOptionsContext {
  /** The time, in milliseconds since 1970. */
  readonly now: number;
  /** The services. */
  readonly services: readonly ServiceModule[];
}

/** Context of a new key. */
export interface NewKeyContext extends KeyOptionsContext {
  /** Records of the keys file, whose names are taken. */
  readonly records: readonly KeyRecord[];
  /** Oldest version of the protocol that the key accepts. */
  readonly minProtocol: 1 | 2;
}

/** Key that options describe. */
export interface NewKey {
  /** Key, without a secret. */
  readonly key: PendingKey;
  /** Everything that is wrong with the name and the options, each with its remedy; none if all is right. */
  readonly mistakes: readonly string[];
}

/** Returns the key that a name and options describe. */
export function newKeyFromOptions(
  name: string,
  values: NewKeyValues,
  { records, minProtocol, now, services }: NewKeyContext,
): NewKey {
  const { rights, mistakes: wrongRights } = rightsFromOptions(values, services);
  const { rate, mistakes: wrongRate } = rateFromOptions(values);
  const { expires, mistakes: wrongEnd } = expiryFromOption(values.expires, now);
  return {
    key: { name, created: now, expires, disabled: false, minProtocol, rights, rate },
    mistakes: [...nameMistakes(name, records), ...wrongRights, ...wrongRate, ...wrongEnd],
  };
}

/** Returns the rules that the name of a new key does not follow. */
export function nameMistakes(name: string, records: readonly KeyRecord[]): string[] {
  if (name === DEFAULT_KEY_NAME) return [`NAME "${name}" belongs to the key in SECRET_KEY_FILE: take another one`];
  if (!isKeyName(name)) {
    return [`NAME "${name}" ${NAME_RULE}`];
  }
  if (!records.some((record) => record.name === name)) return [];
  return [
    `NAME "${name}" is taken: take another one, or give this key a new secret with deno task keys pair ${name} ` +
    `--replace, or deno task keys rotate ${name}`,
  ];
}

/** Changed fields of a key. */
export interface KeyChange {
  /** The changed fields. */
  readonly change: Partial<KeyRecord>;
  /** Everything that is wrong with the options, each with its remedy; none if all is right. */
  readonly mistakes: readonly string[];
}

/** Returns the fields of a key that options change. Each option replaces all of its earlier values. */
export function changeFromOptions(
  record: KeyRecord,
  values: KeyChangeValues,
  { now, services }: KeyOptionsContext,
): KeyChange {
  const { rights, mistakes: wrongRights } = replaceRights(record.rights, values, services);
  const { expires, mistakes: wrongEnd } = expiryFromOption(values.expires, now);
  const { minProtocol, mistakes: wrongProtocol } = protocolFromOption(
    values["min-protocol"] ?? String(record.minProtocol),
  );
  const isDefaultRate = values.rate === "default" && values.burst === undefined;
  const { rate, mistakes: wrongRate } = rateFromOptions(isDefaultRate ? {} : values);
  return {
    change: {
      rights,
      ...values.expires === undefined ? {} : { expires },
      ...rate !== undefined || isDefaultRate ? { rate } : {},
      minProtocol,
    },
    mistakes: [...wrongRights, ...wrongRate, ...wrongEnd, ...wrongProtocol],
  };
}
