/**
 * Keyring: the active keys, which open and seal envelopes.
 *
 * @module
 */
import { setImmediate } from "node:timers/promises";
import { andThen, type Awaitable } from "../lib/awaitable.ts";
import { EnvelopeError, KEY_BYTES } from "../protocol/aead.ts";
import type { Bytes, RandomBytes } from "../protocol/bytes.ts";
import type { Route } from "../protocol/v2/envelope.ts";
import { type OpenedRequest, openRequest, type RequestEnvelope, type Version } from "../protocol/exchange.ts";
import { deriveKeyId, type ImportSecretKey, importSecretKey, type SecretKeyV1 } from "../protocol/secret_key.ts";
import { KeyAddresses } from "../limits/key_addresses.ts";
import type { Rate } from "../limits/rate_limiter.ts";
import { DEFAULT_KEY_NAME, type KeyRecord } from "./schema.ts";
import { OpeningQueue } from "./opening_queue.ts";
import { type Rights, Scope } from "./rights.ts";

/** Active key. */
export interface Key {
  /** Name, the same for the old and the new secret of a rotation. */
  readonly name: string;
  /** Public id of the secret. */
  readonly kid: string;
  /** Imported secret, which cannot be exported. */
  readonly secret: SecretKeyV1;
  /** Rights of its holder. */
  readonly scope: Scope;
  /** Time of its creation, in milliseconds since 1970; 0 for the key `default`, which has no such time. */
  readonly created: number;
  /** Its own rate limit; undefined for the default. */
  readonly rate: Rate | undefined;
  /** Aborts when the key is revoked. Its reason is an `Error` with the message for the key holder. */
  readonly revoked: AbortSignal;
}

/** Opened request. */
export interface Opened extends OpenedRequest {
  /** Key that opened it. */
  readonly key: Key;
}

/**
 * Reason why a key does not open the requests that name it. `in_force`: it is active, and they were sealed with another key or
 * altered in transit.
 */
export type KeyState = "old_secret" | "removed" | "disabled" | "expired" | "old_version" | "in_force";

/** Key that a request names. */
export interface NamedKey {
  /** Name, from the key files. */
  readonly name: string;
  /** Current state. */
  readonly state: KeyState;
}

/** Origin of a request, known before it is opened. */
export interface RequestSource {
  /** Client address: the keys that last opened envelopes of version 1 from it are tried first. */
  readonly address: string;
  /** Route. */
  readonly route: Route;
  /** Key id that a client of version 1 sent: only that key is tried. */
  readonly kid?: string | undefined;
  /** True to try only the named key, or without one only the keys that are tried first. */
  readonly fewKeys?: boolean;
}

/** Keys that open requests. */
export interface Keyring {
  /**
   * Opens a request with the matching key. An unknown key id takes as long as a wrong key.
   *
   * @throws `EnvelopeError` if no key matches; `OpeningQueueFullError` if too many requests without a key id wait
   */
  open(envelope: RequestEnvelope, sender: RequestSource): Promise<Opened>;
  /**
   * Finds the key that a request names, for the operator. The id is not authenticated: anyone can send it.
   *
   * @returns undefined for an id that no key has, or had since the start
   */
  identify(kid: string, version: Version): NamedKey | undefined;
}

/** Details of a key that are no secret. */
export interface KeyDetails {
  /** Name of the key. */
  readonly name: string;
  /** Text by which its device describes itself. */
  readonly label?: string | undefined;
  /** Rights of its holder. */
  readonly rights: Rights;
  /** Time of its creation, in milliseconds since 1970; 0 for the key `default`, which has no such time. */
  readonly created: number;
  /** Expiry, in milliseconds since 1970. */
  readonly expires?: number | undefined;
  /** Oldest protocol version that it allows. */
  readonly minProtocol: Version;
  /** True for the secret before the last rotation. */
  readonly isPrevious: boolean;
}

/** Key of the files that has not expired. */
export interface KnownKey {
  /** Name of the key. */
  readonly name: string;
  /** Time of its creation, in milliseconds since 1970; 0 for the key `default`, which has no such time. */
  readonly created: number;
  /** Public id of its current secret. */
  readonly kid: string;
  /** Rights of its holder, and the signal that aborts when they end or change; undefined while it is disabled. */
  readonly grant: Pick<Key, "scope" | "revoked"> | undefined;
}

/** Disabled key. */
interface DisabledKey extends Pick<KeyRecord, "name" | "created" | "expires"> {
  readonly kid: string;
  readonly previousKid: string | undefined;
}

/** Secret in the key files, with its rights and limits. */
interface KeyEntry extends KeyDetails {
  /** Secret, 32 bytes. */
  readonly secret: Bytes;
  /** Message to the key holder at its expiry. */
  readonly expiryMessage: string;
  /** Its own rate limit. */
  readonly rate?: Rate | undefined;
}

/** Keys of both places. */
export interface KeySources {
  /** Secret of the default key in `SECRET_KEY_FILE`, 32 bytes. */
  readonly single: Bytes | undefined;
  /** Keys of `KEYS_FILE`, or of Redis; undefined if there is no such file, or nothing in Redis. */
  readonly records: readonly KeyRecord[] | undefined;
}

interface ActiveKey {
  readonly key: Key;
  readonly revocation: AbortController;
  /** Current entry of the files: its expiry may have changed. */
  entry: KeyEntry;
}

/** Dependencies of a keyring. */
export interface KeyringOptions {
  /** Returns the wall clock's time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Makes random bytes, for the decoy that is tried in place of an unknown key. */
  readonly random: RandomBytes;
  /** All rights, for the key `default`. */
  readonly allRights: Rights;
  /** Imports secrets; with WebCrypto alone by default. */
  readonly importSecretKey?: ImportSecretKey;
}

/** Most keys to try for a request without a key id before others get their turn: 0.2 to 1 ms of this thread. */
const BATCH_KEYS = 32;

/** Most bytes to hand to the keys of a batch: a cipher copies them for each. */
const BATCH_BYTES = 2 ** 20;

/** Most secrets whose ids are remembered after their removal. */
const MAX_RETIRED = 1000;

/** Keyring whose keys can be replaced while it is in use. Initially empty. */
export class LiveKeyring implements Keyring {
  readonly #now: () => number;
  readonly #allRights: Rights;
  readonly #importSecretKey: ImportSecretKey;
  readonly #decoy: Promise<SecretKeyV1>;
  readonly #openings = new OpeningQueue();
  readonly #lastKeyByAddress = new KeyAddresses();
  #active: ReadonlyMap<string, ActiveKey> = new Map();
  #byKid: ReadonlyMap<string, ActiveKey> = new Map();
  /** Names of keys whose secrets were removed since the start, by key id, in order of removal. */
  readonly #retiredNames = new Map<string, string>();
  /** Removed and disabled keys by key id. */
  #retired: ReadonlyMap<string, NamedKey> = new Map();
  /** Keys of the files that were last loaded as a whole: those in force, and the disabled ones. */
  #known: { readonly active: readonly ActiveKey[]; readonly disabled: readonly DisabledKey[] } = {
    active: [],
    disabled: [],
  };
  readonly #watchers = new Set<() => void>();
  #hasKeysFile = false;

  /** Makes a keyring without keys. */
  constructor(options: KeyringOptions) {
    this.#now = options.now;
    this.#allRights = options.allRights;
    this.#importSecretKey = options.importSecretKey ?? importSecretKey;
    this.#decoy = this.#importSecretKey(options.random(KEY_BYTES));
  }

  /** Number of usable secrets. */
  get size(): number {
    return this.#usable().length;
  }

  /** Ids of the usable secrets. */
  get kids(): readonly string[] {
    return this.#usable().map(({ key }) => key.kid);
  }

  /** Expiry of each usable key by name, in milliseconds since 1970; undefined for never. */
  get expiryByName(): ReadonlyMap<string, number | undefined> {
    // Of the two secrets of a rotated key, the first is the current one.
    return new Map(this.#usable().toReversed().map(({ entry: { name, expires } }) => [name, expires]));
  }

  /** Returns the details of a key in force by its id, without its secret; undefined if there is none. */
  find(kid: string): KeyDetails | undefined {
    const active = this.#byKid.get(kid);
    if (active === undefined || !this.#isUsable(active, 2)) return undefined;
    const { name, label, rights, expires, minProtocol, created, isPrevious } = active.entry;
    return { name, label, rights, expires, minProtocol, created, isPrevious };
  }

  /** True if `KEYS_FILE`, or the list in Redis, was there at the last load: then a key that is not listed was removed. */
  get hasKeysFile(): boolean {
    return this.#hasKeysFile;
  }

  /** Lists all keys that have not expired, in force or disabled. */
  list(): readonly KnownKey[] {
    const now = this.#now();
    const { active, disabled } = this.#known;
    return [
      ...active.filter(({ entry }) => !isExpired(entry, now)).map(({ key }) => {
        const { name, created, kid, scope, revoked } = key;
        return { name, created, kid, grant: { scope, revoked } };
      }),
      ...disabled.filter((one) => !isExpired(one, now))
        .map(({ name, created, kid }) => ({ name, created, kid, grant: undefined })),
    ];
  }

  /**
   * Calls a function after each change of the keys, and after expiries.
   *
   * @returns the function that ends the calls
   */
  watch(run: () => void): () => void {
    this.#watchers.add(run);
    return () => this.#watchers.delete(run);
  }

  #reportChange(): void {
    for (const run of this.#watchers) run();
  }

  /** Replaces the keys. Keys without relevant changes stay active; all others are revoked. */
  async replace(sources: KeySources): Promise<void> {
    // Ready before the first request, which must not take longer for an unknown key.
    await this.#decoy;
    const next = new Map<string, ActiveKey>();
    for (const entry of toEntries(sources, this.#allRights)) {
      const identity = JSON.stringify({ ...entry, secret: entry.secret.toHex(), ...CHANGEABLE });
      const before = this.#active.get(identity);
      const kept = before === undefined || before.key.revoked.aborted ? await this.#activate(entry) : before;
      kept.entry = entry;
      next.set(identity, kept);
    }
    const removed = [...this.#active].filter(([identity, before]) => next.get(identity) !== before);
    this.#active = next;
    this.#byKid = new Map([...next.values()].map((one) => [one.key.kid, one]));
    const names = new Set([...next.values()].map(({ key }) => key.name));
    for (const [, { key, revocation }] of removed) {
      const change = names.has(key.name) ? "changed: connect again" : "removed or disabled";
      revocation.abort(new Error(`Key ${key.name} was ${change}`));
    }
    this.expire();
    // Last, as it allows nothing: revocations must not wait for it.
    const disabled = await disabledKeys(sources);
    this.#retire(removed.map(([, { key }]) => key), { names, disabled: namesOf(disabled) });
    this.#hasKeysFile = sources.records !== undefined;
    this.#known = { active: [...next.values()].filter(({ entry }) => !entry.isPrevious), disabled };
    this.#reportChange();
  }

  /** Remembers the ids of removed secrets, and the states of their keys. */
  #retire(
    removed: readonly Key[],
    { names, disabled }: { readonly names: ReadonlySet<string>; readonly disabled: ReadonlyMap<string, string> },
  ): void {
    for (const { kid, name } of removed) {
      this.#retiredNames.delete(kid);
      this.#retiredNames.set(kid, name);
    }
    for (const kid of [...this.#retiredNames.keys()].slice(0, -MAX_RETIRED)) this.#retiredNames.delete(kid);
    const disabledNames = new Set(disabled.values());
    const stateOf = (name: string): KeyState =>
      names.has(name) ? "old_secret" : disabledNames.has(name) ? "disabled" : "removed";
    const retired = [...this.#retiredNames, ...disabled];
    this.#retired = new Map(retired.map(([kid, name]) => [kid, { name, state: stateOf(name) }]));
  }

  /** Revokes expired keys, and returns their names. Call it about once per second. */
  expire(): string[] {
    const expired = [...this.#active.values()].filter((active) =>
      isExpired(active.entry, this.#now()) && !active.key.revoked.aborted
    );
    for (const { revocation, entry } of expired) revocation.abort(new Error(entry.expiryMessage));
    if (expired.length > 0) this.#reportChange();
    return expired.map(({ key }) => key.name);
  }

  /** Opens a request, as {@linkcode Keyring.open} says. */
  open(envelope: RequestEnvelope, sender: RequestSource): Promise<Opened> {
    const kid = envelope.version === 2 ? envelope.kid : sender.kid;
    return kid === undefined ? this.#openAny(envelope, sender) : this.#openNamed(envelope, kid, sender);
  }

  /** Finds the key that a request names, as {@linkcode Keyring.identify} says. */
  identify(kid: string, version: Version): NamedKey | undefined {
    // Both lookups always run, and take the same time for any number of keys.
    const retired = this.#retired.get(kid);
    const active = this.#byKid.get(kid);
    if (active === undefined) return retired;
    const { name, isPrevious, minProtocol } = active.entry;
    if (active.key.revoked.aborted || isExpired(active.entry, this.#now())) {
      return { name, state: isPrevious ? "old_secret" : "expired" };
    }
    return { name, state: minProtocol > version ? "old_version" : "in_force" };
  }

  async #openAny(envelope: RequestEnvelope, sender: RequestSource): Promise<Opened> {
    const tried = new Set<ActiveKey>();
    const opening = this.#tryLastUsed(envelope, sender, tried);
    let opened = opening instanceof Promise ? await opening : opening;
    if (opened === undefined && !sender.fewKeys) {
      // Another request of the address may have shown its key meanwhile.
      opened = await this.#openings.run(
        sender.address,
        async () => await this.#tryLastUsed(envelope, sender, tried) ?? await this.#tryOthers(envelope, sender, tried),
      );
    }
    if (opened === undefined) throw new EnvelopeError();
    return opened;
  }

  /** Tries the keys that the address used last, one after the other, except those that were tried. */
  #tryLastUsed(
    envelope: RequestEnvelope,
    sender: RequestSource,
    tried: Set<ActiveKey>,
  ): Awaitable<Opened | undefined> {
    const { address } = sender;
    for (const kid of this.#lastKeyByAddress.keysAt(address)) {
      const active = this.#byKid.get(kid);
      if (active === undefined || tried.has(active) || !this.#isUsable(active, envelope.version)) continue;
      tried.add(active);
      return andThen(openRequest(active.key.secret, envelope, sender), (opened) => {
        if (opened === undefined) return this.#tryLastUsed(envelope, sender, tried);
        this.#lastKeyByAddress.add(kid, address);
        return { key: active.key, text: opened.text, exchange: opened.exchange };
      });
    }
    return undefined;
  }

  /**
   * Tries all other keys, in batches, each in parallel, as WebCrypto uses several threads. Does not stop at the right one:
   * otherwise the time of an answer would show which recorded requests are from the same key.
   */
  async #tryOthers(
    envelope: RequestEnvelope,
    { address, route }: RequestSource,
    tried: ReadonlySet<ActiveKey>,
  ): Promise<Opened | undefined> {
    const others = [...this.#active.values()].filter((active) => !tried.has(active));
    const batchSize = Math.min(BATCH_KEYS, Math.ceil(BATCH_BYTES / envelope.ciphertext.length));
    let found: { readonly active: ActiveKey; readonly opened: OpenedRequest } | undefined;
    for (let start = 0; start < others.length; start += batchSize) {
      // WebCrypto's threads let others run meanwhile; a synchronous cipher does not.
      if (start > 0) await setImmediate();
      await Promise.all(
        others.slice(start, start + batchSize).map(async (active) => {
          if (!this.#isUsable(active, envelope.version)) return;
          const opened = await openRequest(active.key.secret, envelope, { route });
          if (opened !== undefined) found = { active, opened };
        }),
      );
    }
    // The key may have been revoked meanwhile.
    if (found === undefined || !this.#isUsable(found.active, envelope.version)) return undefined;
    const { active: { key }, opened } = found;
    this.#lastKeyByAddress.add(key.kid, address);
    return { key, ...opened };
  }

  async #openNamed(
    envelope: RequestEnvelope,
    kid: string,
    { route }: RequestSource,
  ): Promise<Opened> {
    const decoy = await this.#decoy;
    const named = this.#byKid.get(kid);
    const active = named !== undefined && this.#isUsable(named, envelope.version) ? named : undefined;
    // The decoy takes as long as a wrong key. No client has it, so it never matches.
    const opening = openRequest(active?.key.secret ?? decoy, envelope, { route });
    const opened = opening instanceof Promise ? await opening : opening;
    if (active === undefined || opened === undefined) throw new EnvelopeError();
    return { key: active.key, text: opened.text, exchange: opened.exchange };
  }

  async #activate(entry: KeyEntry): Promise<ActiveKey> {
    const revocation = new AbortController();
    const secret = await this.#importSecretKey(entry.secret);
    const key: Key = {
      name: entry.name,
      kid: secret.kid,
      secret,
      scope: new Scope(entry.rights),
      created: entry.created,
      rate: entry.rate,
      revoked: revocation.signal,
    };
    return { key, revocation, entry };
  }

  /** Keys that are usable in at least one protocol version. */
  #usable(): ActiveKey[] {
    return [...this.#active.values()].filter((active) => this.#isUsable(active, 2));
  }

  #isUsable({ key, entry }: ActiveKey, version: Version): boolean {
    return entry.minProtocol <= version && !isExpired(entry, this.#now()) && !key.revoked.aborted;
  }
}

/** Fields whose change does not revoke a key. */
const CHANGEABLE = { label: "", expires: 0, isPrevious: false, expiryMessage: "" } as const satisfies Partial<KeyEntry>;

function isExpired({ expires }: Pick<KeyEntry, "expires">, now: number): boolean {
  return expires !== undefined && expires <= now;
}

/** Derives the ids of the secrets of disabled keys. */
function disabledKeys({ records = [] }: KeySources): Promise<readonly DisabledKey[]> {
  return Promise.all(
    records.filter(({ disabled }) => disabled).map(async ({ name, created, expires, secret, previous }) => ({
      ...{ name, created, expires, kid: await deriveKeyId(secret) },
      previousKid: previous && await deriveKeyId(previous.secret),
    })),
  );
}

/** Returns the names of keys by the ids of their secrets. */
function namesOf(disabled: readonly DisabledKey[]): ReadonlyMap<string, string> {
  return new Map(
    disabled.flatMap(({ name, kid, previousKid }) =>
      [kid, ...previousKid === undefined ? [] : [previousKid]].map((id) => [id, name] as const)
    ),
  );
}

function* toEntries({ single, records = [] }: KeySources, allRights: Rights): Generator<KeyEntry> {
  if (single !== undefined) {
    yield {
      rights: allRights,
      name: DEFAULT_KEY_NAME,
      secret: single,
      isPrevious: false,
      expiryMessage: "",
      minProtocol: 1,
      created: 0,
    };
  }
  for (const { disabled, previous, expires, label, ...entry } of records) {
    if (disabled) continue;
    yield { ...entry, label, expires, isPrevious: false, expiryMessage: `Key ${entry.name} has expired` };
    if (previous === undefined) continue;
    const until = Math.min(previous.until, expires ?? Infinity);
    const expiryMessage = `Key ${entry.name} was rotated: this secret is the old one`;
    yield { ...entry, label, secret: previous.secret, expires: until, isPrevious: true, expiryMessage };
  }
}
