/**
 * Administration of keys and pairing codes by the operator, while the gateway runs: what the Admin page does.
 *
 * @module
 */
import { formatDuration } from "../keys/duration.ts";
import type { KeySources } from "../keys/keyring.ts";
import type { KeysChange } from "../keys/keyring_file.ts";
import { createPairing, MAX_PENDING_PAIRINGS, parsePendingKey, type PendingKey } from "../keys/pairing_code.ts";
import { DEFAULT_KEY_NAME, type KeyRecord } from "../keys/schema.ts";
import { overlapLeft } from "../keys/status.ts";
import type { Log } from "../observability/log.ts";
import type { KeyUses } from "../observability/key_uses.ts";
import type { KeyList, PairingOffer, ServiceOptions } from "../protocol/admin_api.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import { formatPairingLink } from "../protocol/pairing_link.ts";
import { changeFromOptions, type KeyChangeValues, newKeyFromOptions } from "../services/key_from_options.ts";
import { guestName, namesRights, PASS_RULE } from "../services/guest_pass.ts";
import { setRightsOptions } from "../services/rights_from_options.ts";
import type { OptionValues } from "../services/rights_options.ts";
import type { LiveSections } from "../services/section.ts";
import type { Service, ServiceModule } from "../services/service.ts";
import type { PairingStore } from "../store/state/pairing_store.ts";
import { describeDefaultKey, describeKey, keyVersion } from "./key_description.ts";

/** Request of the operator that cannot be met. */
export class AdministrationError extends Error {
  /** Makes the error from everything that is wrong, each with its remedy. */
  constructor(readonly mistakes: readonly string[]) {
    super(mistakes.join("\n"));
    this.name = "AdministrationError";
  }
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

/** Change of a key. */
export interface KeyChangeRequest {
  /** Version of the key that the operator saw. */
  readonly version: string;
  /** Values of the options that are to be different. */
  readonly values: KeyChangeValues;
}

/** Administration of the keys. Every method that changes something throws an {@linkcode AdministrationError} if it cannot. */
export interface KeyAdministration {
  /** Lists keys and pairing codes. */
  list(): Promise<KeyList>;
  /** Returns the options of rights, by service, with what exists now to choose from. */
  options(): readonly ServiceOptions[];
  /** Makes a pairing code for a new key. */
  add(request: NewKeyRequest): Promise<PairingOffer>;
  /**
   * Makes a pairing code that gives an existing key a new secret, or another code for a key that waits for its device. The
   * present one works until then.
   */
  renew(name: string, address: OfferAddress): Promise<PairingOffer>;
  /** Changes rights, rate limit, expiry and oldest version of a key, unless it was changed since the operator saw it. */
  change(name: string, request: KeyChangeRequest): Promise<void>;
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
  /** Finds a running service by its name. */
  readonly findService: (name: string) => Pick<Service, "readUses"> | undefined;
  /** Services whose rights keys can have. */
  readonly services: readonly ServiceModule[];
  /** Sections of the services file, whose entries keys can be granted. */
  readonly sections: LiveSections;
  /** Wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Source of codes. */
  readonly random: RandomBytes;
  /** Logger for changes. */
  readonly log: Pick<Log, "info">;
}

/** Makes the administration. */
export function createKeyAdministration(options: KeyAdministrationOptions): KeyAdministration {
  const { readKeys, editKeys, pairings, uses, findService, services, sections, now, random, log } = options;

  async function changeRecord(
    name: string,
    change: (record: KeyRecord) => Partial<KeyRecord> | Promise<Partial<KeyRecord>>,
  ): Promise<void> {
    refuseDefault(name);
    await editKeys(async (records) => {
      const record = findRecord(records, name);
      const previous = overlapLeft(record, now()) > 0 ? record.previous : undefined;
      return records.with(records.indexOf(record), { ...record, previous, ...await change(record) });
    });
  }

  /** Returns a key that waits for its device; undefined if there is none of that name. */
  async function findPending(name: string): Promise<PendingKey | undefined> {
    const pending = await pairings.listPairings(now());
    const record = pending.find((pairing) => pairing.name === name)?.record;
    return record === undefined ? undefined : parsePendingKey(record, services);
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
      const { single, records = [] } = await readKeys();
      const pending = await pairings.listPairings(now());
      const context = { uses, findService, services, now: now() };
      const keys = await Promise.all(records.map((record) => describeKey(record, context)));
      if (single !== undefined) keys.push(await describeDefaultKey(single, context));
      return {
        keys: keys.toSorted((one, other) => one.name < other.name ? -1 : 1),
        pairings: pending.map(({ name, expires, record }) => ({ name, expires, isReplacement: record === undefined })),
        usesSince: uses.since,
      };
    },
    options: () =>
      services.map(({ name, settings, rights, choices }) => ({
        service: name,
        title: settings.title,
        isEveryday: rights.everyday !== undefined,
        options: rights.options,
        choices: choices?.(sections.current) ?? {},
      })),
    async add({ name: given, isPass, values, url }) {
      checkValues(values, services);
      if (isPass && !namesRights(values, services)) throw new AdministrationError([PASS_RULE]);
      const name = given ?? (isPass ? guestName(random) : "");
      const { records = [] } = await readKeys();
      const { key, mistakes } = newKeyFromOptions(name, values, { records, minProtocol: 2, now: now(), services });
      if (mistakes.length > 0) throw new AdministrationError(mistakes);
      return await offer(name, { key, url });
    },
    async renew(name, { url }) {
      refuseDefault(name);
      const { records = [] } = await readKeys();
      const key = records.some((record) => record.name === name) ? undefined : await findPending(name);
      if (key === undefined) findRecord(records, name);
      return await offer(name, { key, url });
    },
    async change(name, { version, values }) {
      checkValues(values, services);
      await changeRecord(name, async (record) => {
        if (await keyVersion(record) !== version) {
          throw new AdministrationError([`Key "${name}" was changed meanwhile: look at it again, then change it`]);
        }
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
      const { records = [] } = await readKeys();
      if (!isWithdrawn || records.some((record) => record.name === name)) {
        await editKeys((current) => {
          const record = findRecord(current, name);
          return current.filter((other) => other !== record);
        });
      }
      log.info("Admin page removed the key {name}", { name });
    },
  };
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

/** Options besides those of rights, each with one text. */
const LIMITS: readonly string[] = ["expires", "rate", "burst", "min-protocol"];

/** Refuses options that do not exist, and values of another type than the option's: a limit must not be overlooked. */
function checkValues(values: OptionValues, services: readonly ServiceModule[]): void {
  const known = setRightsOptions(services);
  const mistakes = Object.entries(values).flatMap(([name, value]) => {
    const option = Object.hasOwn(known, name) ? known[name] : undefined;
    if (option === undefined && !LIMITS.includes(name)) return [`There is no option ${name}`];
    const isRight = option?.type === "boolean"
      ? value === true
      : option?.multiple === true
      ? Array.isArray(value) && value.every((text) => typeof text === "string")
      : typeof value === "string";
    return isRight ? [] : [`Option ${name} has a value of the wrong type`];
  });
  if (mistakes.length > 0) throw new AdministrationError(mistakes);
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
