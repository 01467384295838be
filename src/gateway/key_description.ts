/**
 * Description of a key for the Admin page: everything but its secret.
 *
 * @module
 */
import { Scope } from "../keys/rights.ts";
import { DEFAULT_KEY_NAME, type KeyRecord } from "../keys/schema.ts";
import { overlapLeft, unusableReason } from "../keys/status.ts";
import type { KeyUses } from "../observability/key_uses.ts";
import type { KeyUse, ListedKey } from "../protocol/admin_api.ts";
import { toHex } from "../protocol/bytes.ts";
import { deriveKeyId } from "../protocol/secret_key.ts";
import { describeRights, summarizeRights } from "../services/key_text.ts";
import { optionsOfRights } from "../services/rights_from_options.ts";
import type { Service, ServiceModule } from "../services/service.ts";
import { readUses } from "../services/uses.ts";

/** Circumstances of the description. */
export interface KeyDescriptionContext {
  /** Last uses of the keys. */
  readonly uses: Pick<KeyUses, "last">;
  /** Finds a running service by its name. */
  readonly findService: (name: string) => Pick<Service, "readUses"> | undefined;
  /** Services whose rights keys can have. */
  readonly services: readonly ServiceModule[];
  /** Time, in milliseconds since 1970. */
  readonly now: number;
}

/** Describes a key of the keys file. */
export async function describeKey(
  record: KeyRecord,
  { uses, findService, services, now }: KeyDescriptionContext,
): Promise<ListedKey> {
  const { name, label, created, expires, rights } = record;
  const kid = await deriveKeyId(record.secret);
  return {
    name,
    kid,
    label,
    created,
    expires,
    unusable: unusableReason(record, now),
    previousUntil: overlapLeft(record, now) > 0 ? record.previous?.until : undefined,
    summary: summarizeRights(rights, services),
    rights: describeRights(rights, services),
    values: optionsOfRights(rights, services),
    version: await keyVersion(record),
    isDefault: false,
    uses: await readUses({ key: name, kid, keyCreated: created, scope: new Scope(rights) }, {
      names: Object.keys(rights),
      findService,
    }),
    lastUse: await lastUse(record, { kid, uses }),
  };
}

/** Describes the key of SECRET_KEY_FILE, which has every right. */
export async function describeDefaultKey(
  secret: KeyRecord["secret"],
  { uses }: Pick<KeyDescriptionContext, "uses">,
): Promise<ListedKey> {
  const kid = await deriveKeyId(secret);
  return {
    name: DEFAULT_KEY_NAME,
    kid,
    summary: "every right",
    rights: [["rights", "every right"]],
    values: {},
    version: kid,
    isDefault: true,
    uses: {},
    lastUse: uses.last(kid),
  };
}

/** Hashes what a change concerns, without the secret. */
export async function keyVersion({ created, expires, minProtocol, rights, rate }: KeyRecord): Promise<string> {
  const text = JSON.stringify([created, expires, minProtocol, rights, rate]);
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return toHex(new Uint8Array(hash));
}

/** Returns the later use of both secrets of a rotated key. */
async function lastUse(
  { previous }: KeyRecord,
  { kid, uses }: { readonly kid: string; readonly uses: Pick<KeyUses, "last"> },
): Promise<KeyUse | undefined> {
  const last = uses.last(kid);
  const before = previous && uses.last(await deriveKeyId(previous.secret));
  return before === undefined || (last !== undefined && last.at >= before.at) ? last : before;
}
