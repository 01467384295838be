/**
 * Administration of keys and pairing codes by the operator, while the gateway runs: what the Admin page does.
 *
 * @module
 */
import { formatDuration } from "../keys/duration.ts";
import type { KeySources } from "../keys/keyring.ts";
import type { KeysChange } from "../keys/keyring_file.ts";
import { createPairing, MAX_PENDING_PAIRINGS, type PendingKey } from "../keys/pairing_code.ts";
import { DEFAULT_KEY_NAME, type KeyRecord } from "../keys/schema.ts";
import { overlapLeft, unusableReason } from "../keys/status.ts";
import type { Log } from "../observability/log.ts";
import type { KeyUse, KeyUses } from "../observability/key_uses.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import { formatPairingLink } from "../protocol/pairing_link.ts";
import { deriveKeyId } from "../protocol/secret_key.ts";
import { changeFromOptions, type KeyChangeValues, newKeyFromOptions } from "../services/key_from_options.ts";
import { guestName, namesRights, PASS_RULE } from "../services/guest_pass.ts";
import { describeRights } from "../services/key_text.ts";
import { setRightsOptions } from "../services/rights_from_options.ts";
import type { OptionValues, RightsOption } from "../services/rights_options.ts";
import type { ServiceModule } from "../services/service.ts";
import type { PairingStore } from "../store/state/pairing_store.ts";

/** Request of the operator that cannot be met. */
export class AdministrationError extends Error {
  /** Makes the error from everything that is wrong, each with its remedy. */
  constructor(readonly mistakes: readonly string[]) {
    super(mistakes.join("\n"));
    this.name = "AdministrationError";
  }
}

/** A key, without its secret. */
export interface ListedKey {
  /** Name. */
  readonly name: string;
  /** Public id of its secret. */
  readonly kid: string;
  /** Text by which its device describes itself. */
  readonly label?: string | undefined;
  /** Time of its creation, in milliseconds since 1970; undefined for the key `default`. */
  readonly created?: number | undefined;
  /** Time of its expiry, in milliseconds since 1970. */
  readonly expires?: number | undefined;
  /** Reason why it does not work; undefined if it does. */
  readonly unusable?: "disabled" | "expired" | undefined;
  /** End of the validity of the secret before the last rotation, in milliseconds since 1970. */
  readonly previousUntil?: number | undefined;
  /** Rights in full, each with its label. */
  readonly rights: readonly (readonly [label: string, text: string])[];
  /** True for the key `default`, which is in a file of its own and cannot be changed here. */
  readonly isDefault: boolean;
  /** Last request that it opened since the start. */
  readonly lastUse?: KeyUse | undefined;
}

/** A pairing code that waits for its device, without the code. */
export interface ListedPairing {
  /** Name of the key that the device gets. */
  readonly name: string;
  /** End of its validity, in milliseconds since 1970. */
  readonly expires: number;
  /** True if the key exists already, and gets a new secret. */
  readonly isReplacement: boolean;
}

/** Keys and pairing codes. */
export interface KeyList {
  /** Keys, by name. */
  readonly keys: readonly ListedKey[];
  /** Pairing codes that wait for their devices. */
  readonly pairings: readonly ListedPairing[];
  /** Time from which on uses are known, in milliseconds since 1970. */
  readonly usesSince: number;
}

/** Options by which rights in one service are granted. */
export interface ServiceOptions {
  /** Name of the service. */
  readonly service: string;
  /** True if its everyday rights belong to a key without options. */
  readonly isEveryday: boolean;
  /** Options of a new key, by name. */
  readonly options: Readonly<Record<string, RightsOption>>;
  /** Options of a change alone, by name. */
  readonly changeOptions: Readonly<Record<string, RightsOption>>;
}

/** Link by which a device gets its key. */
export interface PairingOffer {
  /** Name of the key. */
  readonly name: string;
  /** Link with the code: a secret. */
  readonly link: string;
  /** End of its validity, in milliseconds since 1970. */
  readonly expires: number;
}

/** Address of the gateway for a device. */
export interface OfferAddress {
  /** The address. */
  readonly url: string;
}

/** New key for a device. */
export interface NewKeyRequest extends OfferAddress {
  /** Name; for a guest pass, one is made if it is absent. */
  readonly name?: string | undefined;
  /** True for a guest pass, which must have a limit. */
  readonly isPass: boolean;
  /** Values of the options. */
  readonly values: KeyChangeValues;
}

/** Administration of the keys. Every method that changes something throws an {@linkcode AdministrationError} if it cannot. */
export interface KeyAdministration {
  /** Lists keys and pairing codes. */
  list(): Promise<KeyList>;
  /** Returns the options of rights, by service. */
  options(): readonly ServiceOptions[];
  /** Makes a pairing code for a new key. */
  add(request: NewKeyRequest): Promise<PairingOffer>;
  /** Makes a pairing code that gives an existing key a new secret. Its present one works until then. */
  renew(name: string, address: OfferAddress): Promise<PairingOffer>;
  /** Changes rights, rate limit, expiry and oldest version of a key. */
  change(name: string, values: KeyChangeValues): Promise<void>;
  /** Disables a key, or enables it again. */
  setDisabled(name: string, disabled: boolean): Promise<void>;
  /** Removes a key and the pairing codes that wait for it. */
  remove(name: string): Promise<void>;
}

/** Dependencies of the administration. */
export interface KeyAdministrationOptions {
  /** Reads the key files. */
  readonly readKeys: () => Promise<KeySources>;
  /** Edits the keys file. The change is in force when the promise settles. */
  readonly editKeys: (change: KeysChange) => Promise<unknown>;
  /** Pairing codes. */
  readonly pairings: Pick<PairingStore, "addPairing" | "listPairings" | "removePairings">;
  /** Last uses of the keys. */
  readonly uses: Pick<KeyUses, "last" | "since">;
  /** Services whose rights keys can have. */
  readonly services: readonly ServiceModule[];
  /** Wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Source of codes. */
  readonly random: RandomBytes;
  /** Logger for changes. */
  readonly log: Pick<Log, "info">;
}

/** Makes the administration. */
export function createKeyAdministration(options: KeyAdministrationOptions): KeyAdministration {
  const { readKeys, editKeys, pairings, uses, services, now, random, log } = options;

  async function listed(record: KeyRecord): Promise<ListedKey> {
    const { name, label, created, expires, rights } = record;
    const kid = await deriveKeyId(record.secret);
    return {
      name,
      kid,
      label,
      created,
      expires,
      unusable: unusableReason(record, now()),
      previousUntil: overlapLeft(record, now()) > 0 ? record.previous?.until : undefined,
      rights: describeRights(rights, services),
      isDefault: false,
      lastUse: await lastUse(record, kid),
    };
  }

  /** Returns the later use of both secrets of a rotated key. */
  async function lastUse({ previous }: KeyRecord, kid: string): Promise<KeyUse | undefined> {
    const last = uses.last(kid);
    const before = previous && uses.last(await deriveKeyId(previous.secret));
    return before === undefined || (last !== undefined && last.at >= before.at) ? last : before;
  }

  async function changeRecord(name: string, change: (record: KeyRecord) => Partial<KeyRecord>): Promise<void> {
    refuseDefault(name);
    await editKeys((records) => {
      const record = findRecord(records, name);
      const previous = overlapLeft(record, now()) > 0 ? record.previous : undefined;
      return records.with(records.indexOf(record), { ...record, previous, ...change(record) });
    });
  }

  async function offer(
    name: string,
    { key, url }: OfferAddress & { readonly key: PendingKey | undefined },
  ): Promise<PairingOffer> {
    const time = now();
    const { code, pairing } = await createPairing({ name, key, now: time, random });
    const link = linkOf(url, code);
    const isAdded = await pairings.addPairing(pairing, { now: time, max: MAX_PENDING_PAIRINGS });
    if (!isAdded) {
      throw new AdministrationError([
        `${MAX_PENDING_PAIRINGS} pairing codes wait for their devices, which is the most: remove one, or wait`,
      ]);
    }
    log.info("Admin page made a pairing code for {name}, valid for {time}", {
      name,
      time: formatDuration(pairing.expires - time),
    });
    return { name, link, expires: pairing.expires };
  }

  return {
    async list() {
      const { single, records } = await readKeys();
      const pending = await pairings.listPairings(now());
      const keys = await Promise.all(records.map(listed));
      if (single !== undefined) keys.push(await listedDefault(single));
      return {
        keys: keys.toSorted((one, other) => one.name < other.name ? -1 : 1),
        pairings: pending.map(({ name, expires, record }) => ({ name, expires, isReplacement: record === undefined })),
        usesSince: uses.since,
      };
    },
    options: () =>
      services.map(({ name, rights }) => ({
        service: name,
        isEveryday: rights.everyday !== undefined,
        options: rights.options,
        changeOptions: rights.setOptions ?? {},
      })),
    async add({ name: given, isPass, values, url }) {
      refuseUnknown(values, services);
      if (isPass && !namesRights(values, services)) throw new AdministrationError([PASS_RULE]);
      const name = given ?? (isPass ? guestName(random) : "");
      const { records } = await readKeys();
      const { key, mistakes } = newKeyFromOptions(name, values, { records, minProtocol: 2, now: now(), services });
      if (mistakes.length > 0) throw new AdministrationError(mistakes);
      return await offer(name, { key, url });
    },
    async renew(name, { url }) {
      refuseDefault(name);
      findRecord((await readKeys()).records, name);
      return await offer(name, { key: undefined, url });
    },
    async change(name, values) {
      refuseUnknown(values, services);
      await changeRecord(name, (record) => {
        const { change, mistakes } = changeFromOptions(record, values, { now: now(), services });
        if (mistakes.length > 0) throw new AdministrationError(mistakes);
        return change;
      });
      log.info("Admin page changed the key {name}", { name });
    },
    async setDisabled(name, disabled) {
      await changeRecord(name, () => ({ disabled }));
      log.info("Admin page {changed} the key {name}", { changed: disabled ? "disabled" : "enabled", name });
    },
    async remove(name) {
      refuseDefault(name);
      // Before the key: its code must not make it anew.
      const isWithdrawn = await pairings.removePairings(name);
      const { records } = await readKeys();
      if (!isWithdrawn || records.some((record) => record.name === name)) {
        await editKeys((current) => {
          const record = findRecord(current, name);
          return current.filter((other) => other !== record);
        });
      }
      log.info("Admin page removed the key {name}", { name });
    },
  };

  async function listedDefault(secret: NonNullable<KeySources["single"]>): Promise<ListedKey> {
    const kid = await deriveKeyId(secret);
    return {
      name: DEFAULT_KEY_NAME,
      kid,
      rights: [["rights", "every right"]],
      isDefault: true,
      lastUse: uses.last(kid),
    };
  }
}

function findRecord(records: readonly KeyRecord[], name: string): KeyRecord {
  const record = records.find((record) => record.name === name);
  if (record === undefined) throw new AdministrationError([`There is no key "${name}"`]);
  return record;
}

function refuseDefault(name: string): void {
  if (name !== DEFAULT_KEY_NAME) return;
  throw new AdministrationError([`Key "${name}" cannot be changed here: it is in SECRET_KEY_FILE`]);
}

/** Options besides those of rights. */
const LIMITS: readonly string[] = ["expires", "rate", "burst", "min-protocol"];

function refuseUnknown(values: OptionValues, services: readonly ServiceModule[]): void {
  const known = setRightsOptions(services);
  const unknown = Object.keys(values).filter((name) => !Object.hasOwn(known, name) && !LIMITS.includes(name));
  if (unknown.length > 0) throw new AdministrationError([`There is no option ${unknown.join(", ")}`]);
}

function linkOf(url: string, code: string): string {
  try {
    return formatPairingLink({ url, code });
  } catch (error) {
    throw new AdministrationError([
      `The address of the gateway is invalid: ${error instanceof Error ? error.message : ""}`,
    ]);
  }
}
