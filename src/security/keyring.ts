/**
 * The keys that may open and seal envelopes.
 *
 * @module
 */
import { EnvelopeError, KEY_BYTES } from "../protocol/aead.ts";
import type { Bytes, RandomBytes } from "../protocol/bytes.ts";
import type { Route } from "../protocol/envelope_v2.ts";
import { type OpenedRequest, openRequest, type RequestEnvelope, type Version } from "../protocol/exchange.ts";
import { importSecretKey, type SecretKey } from "../protocol/secret_key.ts";
import { ALL_RIGHTS, DEFAULT_KEY_NAME, type KeyRecord, type Rate, type Rights } from "./key_record.ts";
import { Scope } from "./scope.ts";

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

/** What is known of a request before it is opened. */
export interface Sender {
  /** Where it came from: the key that opened the last envelope of version 1 from there is tried first. */
  readonly address: string;
  /** Where it went. */
  readonly route: Route;
  /** The id by which a client of version 1 names its key: then that one is tried and no other. */
  readonly kid?: string | undefined;
}

/** Everything that knows how to open a request. */
export interface Keyring {
  /**
   * Opens a request with whichever key fits. An unknown id of a key costs as much as a wrong one.
   *
   * @throws EnvelopeError if none fits
   */
  open(envelope: RequestEnvelope, sender: Sender): Promise<Opened>;
}

/** What a secret is good for, as the files say. */
interface KeyEntry extends Rights {
  /** Name of the key. */
  readonly name: string;
  /** The secret, 32 bytes. */
  readonly secret: Bytes;
  /** When it stops working, in milliseconds since 1970. */
  readonly expires?: number | undefined;
  /** What to tell whoever holds it when that time has come. */
  readonly farewell: string;
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

interface Held {
  readonly key: Key;
  readonly revocation: AbortController;
  /** What the files say of it at last: its end may have moved. */
  entry: KeyEntry;
}

/** How many addresses to remember the last key of: more than a household has phones. */
const MAX_USUAL = 1000;

/** A keyring whose keys change while it is in use. Empty at first. */
export class LiveKeyring implements Keyring {
  readonly #now: () => number;
  readonly #decoy: Promise<SecretKey>;
  readonly #usual = new Map<string, Held>();
  #held: ReadonlyMap<string, Held> = new Map();
  #byKid: ReadonlyMap<string, Held> = new Map();

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
  get ends(): ReadonlyMap<string, number | undefined> {
    // Of two secrets of a name the first is the one that stays.
    return new Map(this.#working().toReversed().map(({ entry: { name, expires } }) => [name, expires]));
  }

  /**
   * Replaces the keys. One that is the same in all that concerns its holder stays; every other one is revoked.
   */
  async replace(sources: KeySources): Promise<void> {
    const held = new Map<string, Held>();
    for (const entry of entriesOf(sources)) {
      const identity = JSON.stringify({ ...entry, secret: entry.secret.toHex(), expires: 0, farewell: "" });
      const before = this.#held.get(identity);
      const lasting = before === undefined || before.key.revoked.aborted ? await hold(entry) : before;
      lasting.entry = entry;
      held.set(identity, lasting);
    }
    const gone = [...this.#held].filter(([identity, before]) => held.get(identity) !== before);
    this.#held = held;
    this.#byKid = new Map([...held.values()].map((one) => [one.key.kid, one]));
    const names = new Set([...held.values()].map(({ key }) => key.name));
    for (const [, { key, revocation }] of gone) {
      const what = names.has(key.name) ? "changed: connect again" : "removed or disabled";
      revocation.abort(new Error(`Key ${key.name} was ${what}`));
    }
    this.expire();
  }

  /** Revokes the keys whose time has come, and returns their names. To be called every second or so. */
  expire(): string[] {
    const over = [...this.#held.values()].filter((held) =>
      isOver(held.entry, this.#now()) && !held.key.revoked.aborted
    );
    for (const { revocation, entry } of over) revocation.abort(new Error(entry.farewell));
    return over.map(({ key }) => key.name);
  }

  /** Opens a request, as {@linkcode Keyring.open} says. */
  async open(envelope: RequestEnvelope, sender: Sender): Promise<Opened> {
    const kid = envelope.version === 2 ? envelope.kid : sender.kid;
    const opened = kid === undefined
      ? await this.#openAny(envelope, sender)
      : await this.#openNamed(envelope, { ...sender, kid });
    if (opened === undefined) throw new EnvelopeError();
    return opened;
  }

  async #openAny(envelope: RequestEnvelope, { address, route }: Sender): Promise<Opened | undefined> {
    const usual = this.#usual.get(address);
    const opened = usual !== undefined && this.#works(usual, envelope.version)
      ? await openWith(usual, envelope, { route })
      : undefined;
    if (opened !== undefined) return opened;
    const others = [...this.#held.values()].filter((held) => held !== usual && this.#works(held, envelope.version));
    // All at once, as WebCrypto works on them in parallel; and each to its end, so that no work goes on behind the back
    // of whoever counts it.
    const tried = await Promise.all(others.map((held) => openWith(held, envelope, { route })));
    const index = tried.findIndex((one) => one !== undefined);
    const found = others[index];
    if (found !== undefined) this.#remember(address, found);
    return tried[index];
  }

  async #openNamed(
    envelope: RequestEnvelope,
    { kid, route }: Sender & { readonly kid: string },
  ): Promise<Opened | undefined> {
    const named = this.#byKid.get(kid);
    if (named !== undefined && this.#works(named, envelope.version)) return await openWith(named, envelope, { route });
    // Costs as much as a wrong key. Nobody holds the decoy, so it opens nothing.
    await openRequest(await this.#decoy, envelope, { route });
    return undefined;
  }

  /** Those that work in one version of the protocol at least. */
  #working(): Held[] {
    return [...this.#held.values()].filter((held) => this.#works(held, 2));
  }

  #works({ key, entry }: Held, version: Version): boolean {
    return entry.minProtocol <= version && !isOver(entry, this.#now()) && !key.revoked.aborted;
  }

  #remember(address: string, held: Held): void {
    this.#usual.delete(address);
    this.#usual.set(address, held);
    const [oldest] = this.#usual.keys();
    if (oldest !== undefined && this.#usual.size > MAX_USUAL) this.#usual.delete(oldest);
  }
}

async function openWith(
  { key }: Held,
  envelope: RequestEnvelope,
  sender: { readonly route: Route },
): Promise<Opened | undefined> {
  const opened = await openRequest(key.secret, envelope, sender);
  return opened === undefined ? undefined : { key, ...opened };
}

function isOver({ expires }: KeyEntry, now: number): boolean {
  return expires !== undefined && expires <= now;
}

async function hold(entry: KeyEntry): Promise<Held> {
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

function* entriesOf({ single, records }: KeySources): Generator<KeyEntry> {
  if (single !== undefined) {
    yield { ...ALL_RIGHTS, name: DEFAULT_KEY_NAME, secret: single, farewell: "", minProtocol: 1 };
  }
  for (const { created: _, disabled, previous, expires, ...entry } of records) {
    if (disabled) continue;
    yield { ...entry, expires, farewell: `Key ${entry.name} has expired` };
    if (previous === undefined) continue;
    const until = Math.min(previous.until, expires ?? Infinity);
    const farewell = `Key ${entry.name} was rotated: this secret is the old one`;
    yield { ...entry, secret: previous.secret, expires: until, farewell };
  }
}
