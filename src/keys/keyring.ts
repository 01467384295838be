/**
 * The keys that may open and seal envelopes.
 *
 * @module
 */
import { EnvelopeError, KEY_BYTES } from "../protocol/aead.ts";
import type { Bytes, RandomBytes } from "../protocol/bytes.ts";
import type { Route } from "../protocol/v2/envelope.ts";
import { type OpenedRequest, openRequest, type RequestEnvelope, type Version } from "../protocol/exchange.ts";
import { deriveKeyId, importSecretKey, type SecretKey } from "../protocol/secret_key.ts";
import { KeyAddresses } from "../limits/key_addresses.ts";
import { ALL_RIGHTS, DEFAULT_KEY_NAME, type KeyRecord, type Rate, type Rights } from "./schema.ts";
import { Scope } from "./rights.ts";

/** One shared secret, whom it is shared with, and what they may do. */
export interface Key {
  /** Its name: one for the old and the new secret of a rotation. */
  readonly name: string;
  /** Its public id: another one for each secret. */
  readonly kid: string;
  /** The imported secret, which cannot be read back. */
  readonly secret: SecretKey;
  /** What its holder may do. */
  readonly scope: Scope;
  /** Its own pace, where it has one. */
  readonly rate: Rate | undefined;
  /** Aborts when the key stops working. Its reason is an `Error` with the words for whoever held it. */
  readonly revoked: AbortSignal;
}

/** A request that one of the keys opened. */
export interface Opened extends OpenedRequest {
  /** The key that opened it. */
  readonly key: Key;
}

/**
 * Reason why a key does not open the requests that name it. `in_force`: it works, and they were sealed with another one or
 * altered on their way.
 */
export type KeyState = "old_secret" | "removed" | "disabled" | "expired" | "old_version" | "in_force";

/** The key that a request names. */
export interface NamedKey {
  /** Its name, from the files of keys. */
  readonly name: string;
  /** Its state now. */
  readonly state: KeyState;
}

/** What is known of a request before it is opened. */
export interface RequestSource {
  /** Where it came from: the keys that opened the last envelopes of version 1 from there are tried first. */
  readonly address: string;
  /** Where it went. */
  readonly route: Route;
  /** The id by which a client of version 1 names its key: then that one is tried and no other. */
  readonly kid?: string | undefined;
  /** Whether to try no more than the key that it names, or where it names none, those that are tried first. */
  readonly fewKeys?: boolean;
}

/** Everything that knows how to open a request. */
export interface Keyring {
  /**
   * Opens a request with whichever key fits. An unknown id of a key costs as much as a wrong one.
   *
   * @throws EnvelopeError if none fits
   */
  open(envelope: RequestEnvelope, sender: RequestSource): Promise<Opened>;
  /**
   * Finds the key that a request of some version names, for the operator: what it names is in the clear, and proves
   * nothing.
   *
   * @returns undefined for an id that no key has, or had since the start
   */
  identify(kid: string, version: Version): NamedKey | undefined;
}

/** What a secret is good for, as the files say. */
interface KeyEntry extends Rights {
  /** Name of the key. */
  readonly name: string;
  /** The secret, 32 bytes. */
  readonly secret: Bytes;
  /** When it stops working, in milliseconds since 1970. */
  readonly expires?: number | undefined;
  /** True for the one before the last rotation. */
  readonly isPrevious: boolean;
  /** What to tell whoever holds it when that time has come. */
  readonly expiryMessage: string;
  /** The oldest version of the protocol that it may be used with. */
  readonly minProtocol: Version;
  /** Its own pace. */
  readonly rate?: Rate | undefined;
}

/** What was found in the files of keys. */
export interface KeySources {
  /** The single key of `SECRET_KEY_FILE`, 32 bytes. */
  readonly single: Bytes | undefined;
  /** The keys of `KEYS_FILE`. */
  readonly records: readonly KeyRecord[];
}

interface ActiveKey {
  readonly key: Key;
  readonly revocation: AbortController;
  /** What the files say of it at last: its end may have moved. */
  entry: KeyEntry;
}

/** Most secrets to know by their ids after they were taken away. */
const MAX_RETIRED = 1000;

/** A keyring whose keys change while it is in use. Empty at first. */
export class LiveKeyring implements Keyring {
  readonly #now: () => number;
  readonly #decoy: Promise<SecretKey>;
  readonly #lastKeyByAddress = new KeyAddresses();
  #active: ReadonlyMap<string, ActiveKey> = new Map();
  #byKid: ReadonlyMap<string, ActiveKey> = new Map();
  /** Names of the keys whose secrets were taken away since the start, by their ids; the last one comes last. */
  readonly #retiredNames = new Map<string, string>();
  /** The same with those that are disabled. */
  #retired: ReadonlyMap<string, NamedKey> = new Map();

  /**
   * Makes a keyring.
   *
   * @param now the wall clock, in milliseconds since 1970
   * @param random where the key comes from that is tried in place of an unknown one
   */
  constructor(now: () => number, random: RandomBytes) {
    this.#now = now;
    this.#decoy = importSecretKey(random(KEY_BYTES));
  }

  /** How many secrets work now. */
  get size(): number {
    return this.#working().length;
  }

  /** When each of the keys that work now ends, by name, in milliseconds since 1970; undefined for never. */
  get expiryByName(): ReadonlyMap<string, number | undefined> {
    // Of two secrets of a name the first is the one that stays.
    return new Map(this.#working().toReversed().map(({ entry: { name, expires } }) => [name, expires]));
  }

  /**
   * Replaces the keys. One that is the same in all that concerns its holder stays; every other one is revoked.
   */
  async replace(sources: KeySources): Promise<void> {
    const held = new Map<string, ActiveKey>();
    for (const entry of entriesOf(sources)) {
      const identity = JSON.stringify({ ...entry, secret: entry.secret.toHex(), ...CHANGEABLE });
      const before = this.#active.get(identity);
      const lasting = before === undefined || before.key.revoked.aborted ? await activate(entry) : before;
      lasting.entry = entry;
      held.set(identity, lasting);
    }
    const gone = [...this.#active].filter(([identity, before]) => held.get(identity) !== before);
    this.#active = held;
    this.#byKid = new Map([...held.values()].map((one) => [one.key.kid, one]));
    const names = new Set([...held.values()].map(({ key }) => key.name));
    for (const [, { key, revocation }] of gone) {
      const what = names.has(key.name) ? "changed: connect again" : "removed or disabled";
      revocation.abort(new Error(`Key ${key.name} was ${what}`));
    }
    this.expire();
    // Last: nothing is let in by it, and no revoked key has to wait for it.
    this.#retire(gone.map(([, { key }]) => key), { names, disabled: await disabledNames(sources) });
  }

  /** Remembers the ids of secrets that were taken away, and how the keys are that had them. */
  #retire(
    gone: readonly Key[],
    { names, disabled }: { readonly names: ReadonlySet<string>; readonly disabled: ReadonlyMap<string, string> },
  ): void {
    for (const { kid, name } of gone) {
      this.#retiredNames.delete(kid);
      this.#retiredNames.set(kid, name);
    }
    for (const kid of [...this.#retiredNames.keys()].slice(0, -MAX_RETIRED)) this.#retiredNames.delete(kid);
    const disabledKeys = new Set(disabled.values());
    const stateOf = (name: string): KeyState =>
      names.has(name) ? "old_secret" : disabledKeys.has(name) ? "disabled" : "removed";
    const retired = [...this.#retiredNames, ...disabled];
    this.#retired = new Map(retired.map(([kid, name]) => [kid, { name, state: stateOf(name) }]));
  }

  /** Revokes the keys whose time has come, and returns their names. To be called every second or so. */
  expire(): string[] {
    const over = [...this.#active.values()].filter((held) =>
      isExpired(held.entry, this.#now()) && !held.key.revoked.aborted
    );
    for (const { revocation, entry } of over) revocation.abort(new Error(entry.expiryMessage));
    return over.map(({ key }) => key.name);
  }

  /** Opens a request, as {@linkcode Keyring.open} says. */
  async open(envelope: RequestEnvelope, sender: RequestSource): Promise<Opened> {
    const kid = envelope.version === 2 ? envelope.kid : sender.kid;
    const opened = kid === undefined
      ? await this.#openAny(envelope, sender)
      : await this.#openNamed(envelope, { ...sender, kid });
    if (opened === undefined) throw new EnvelopeError();
    return opened;
  }

  /** Finds the key that a request names, as {@linkcode Keyring.identify} says. */
  identify(kid: string, version: Version): NamedKey | undefined {
    // Both are looked up whatever is found, and neither takes longer with more keys.
    const retired = this.#retired.get(kid);
    const held = this.#byKid.get(kid);
    if (held === undefined) return retired;
    const { name, isPrevious, minProtocol } = held.entry;
    if (held.key.revoked.aborted || isExpired(held.entry, this.#now())) {
      return { name, state: isPrevious ? "old_secret" : "expired" };
    }
    return { name, state: minProtocol > version ? "old_version" : "in_force" };
  }

  async #openAny(envelope: RequestEnvelope, { address, route, fewKeys }: RequestSource): Promise<Opened | undefined> {
    const recent = new Set<ActiveKey>();
    for (const kid of this.#lastKeyByAddress.keysAt(address)) {
      const held = this.#byKid.get(kid);
      if (held === undefined || !this.#works(held, envelope.version)) continue;
      recent.add(held);
      const opened = await openWith(held, envelope, { route });
      if (opened === undefined) continue;
      this.#lastKeyByAddress.add(kid, address);
      return opened;
    }
    if (fewKeys) return undefined;
    const others = [...this.#active.values()].filter((held) =>
      !recent.has(held) && this.#works(held, envelope.version)
    );
    // All at once, as WebCrypto works on them in parallel; and each to its end, so that no work goes on behind the back
    // of whoever counts it.
    const tried = await Promise.all(others.map((held) => openWith(held, envelope, { route })));
    const opened = tried.find((one) => one !== undefined);
    if (opened !== undefined) this.#lastKeyByAddress.add(opened.key.kid, address);
    return opened;
  }

  async #openNamed(
    envelope: RequestEnvelope,
    { kid, route }: RequestSource & { readonly kid: string },
  ): Promise<Opened | undefined> {
    const named = this.#byKid.get(kid);
    if (named !== undefined && this.#works(named, envelope.version)) return await openWith(named, envelope, { route });
    // Costs as much as a wrong key. Nobody holds the decoy, so it opens nothing.
    await openRequest(await this.#decoy, envelope, { route });
    return undefined;
  }

  /** Those that work in one version of the protocol at least. */
  #working(): ActiveKey[] {
    return [...this.#active.values()].filter((held) => this.#works(held, 2));
  }

  #works({ key, entry }: ActiveKey, version: Version): boolean {
    return entry.minProtocol <= version && !isExpired(entry, this.#now()) && !key.revoked.aborted;
  }
}

/** Fields that may change without ending what the key's holder does. */
const CHANGEABLE = { expires: 0, isPrevious: false, expiryMessage: "" } as const satisfies Partial<KeyEntry>;

async function openWith(
  { key }: ActiveKey,
  envelope: RequestEnvelope,
  sender: { readonly route: Route },
): Promise<Opened | undefined> {
  const opened = await openRequest(key.secret, envelope, sender);
  return opened === undefined ? undefined : { key, ...opened };
}

function isExpired({ expires }: KeyEntry, now: number): boolean {
  return expires !== undefined && expires <= now;
}

async function activate(entry: KeyEntry): Promise<ActiveKey> {
  const revocation = new AbortController();
  const secret = await importSecretKey(entry.secret);
  const key: Key = {
    name: entry.name,
    kid: secret.kid,
    secret,
    scope: new Scope(entry),
    rate: entry.rate,
    revoked: revocation.signal,
  };
  return { key, revocation, entry };
}

/** Returns the names of the keys that are switched off, by the ids of their secrets. */
async function disabledNames({ records }: KeySources): Promise<ReadonlyMap<string, string>> {
  const secrets = records.filter(({ disabled }) => disabled).flatMap(({ name, secret, previous }) =>
    (previous === undefined ? [secret] : [secret, previous.secret]).map((bytes) => ({ name, bytes }))
  );
  return new Map(await Promise.all(secrets.map(async ({ name, bytes }) => [await deriveKeyId(bytes), name] as const)));
}

function* entriesOf({ single, records }: KeySources): Generator<KeyEntry> {
  if (single !== undefined) {
    yield {
      ...ALL_RIGHTS,
      name: DEFAULT_KEY_NAME,
      secret: single,
      isPrevious: false,
      expiryMessage: "",
      minProtocol: 1,
    };
  }
  for (const { created: _, disabled, previous, expires, ...entry } of records) {
    if (disabled) continue;
    yield { ...entry, expires, isPrevious: false, expiryMessage: `Key ${entry.name} has expired` };
    if (previous === undefined) continue;
    const until = Math.min(previous.until, expires ?? Infinity);
    const farewell = `Key ${entry.name} was rotated: this secret is the old one`;
    yield { ...entry, secret: previous.secret, expires: until, isPrevious: true, expiryMessage: farewell };
  }
}
