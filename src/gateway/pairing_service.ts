/**
 * Pairing: makes a key together with a device that has a pairing code, and adds it to the keys file. See
 * docs/protocol.md.
 *
 * @module
 */
import { z } from "zod";
import { KeyFileError } from "../keys/default_key_file.ts";
import { type KeysChange, KeysFileLockedError } from "../keys/keyring_file.ts";
import { completeKey, PAIRING_MS } from "../keys/pairing_code.ts";
import type { GrantableService } from "../keys/rights.ts";
import { isKeyLabel, type KeyRecord, LABEL_RULE } from "../keys/schema.ts";
import { errorText } from "../lib/errors.ts";
import type { Log } from "../observability/log.ts";
import { generateAgreementKey } from "../protocol/p256.ts";
import { deriveDeviceKey } from "../protocol/pairing_exchange.ts";
import { FieldError, parseFields, type Payload } from "../protocol/payload.ts";
import { deriveKeyId } from "../protocol/secret_key.ts";
import { type Reply, type Service, type ServiceContext, ServiceError } from "../services/service.ts";
import type { FoundPairing, PairingClaim, PairingStore } from "../store/state/pairing_store.ts";

/** Name of the service in the audit and in metrics. */
export const PAIR = "pair";

/** Dependencies of pairing. */
export interface PairingServiceOptions {
  /** Pairing codes. */
  readonly pairings: Pick<PairingStore, "findPairing" | "claimPairing" | "returnPairing">;
  /** Edits the keys file. The change is in force when the promise settles. */
  readonly editKeys: (change: KeysChange) => Promise<unknown>;
  /** Services whose rights keys can have. */
  readonly services: readonly GrantableService[];
  /** Time for which a used code is still recognized, in milliseconds: as long as its request may be repeated. */
  readonly keepUsedMs: number;
  /** Wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Logger for paired devices and failures. */
  readonly log: Log;
}

/** Fields of a pairing request. */
export interface PairingRequest {
  /** Public point of the device, yet to be checked. */
  readonly public: string;
  /** Text by which the device describes itself. */
  readonly label?: string | undefined;
}

/** Part of a key that its device decides. */
type DeviceKey = Pick<KeyRecord, "secret" | "label">;

/** Rule for the field `public`. */
const POINT_RULE = "must be the base64url text of a point on P-256, 65 bytes in its uncompressed form";

const schema = z.object({
  public: z.string(POINT_RULE),
  label: z.string(LABEL_RULE).refine(isKeyLabel, LABEL_RULE).nullish().transform((label) => label ?? undefined),
});

/**
 * Parses the fields of a pairing request.
 *
 * @throws {FieldError} naming the field that is missing or wrong
 */
export function parsePairingRequest(payload: Payload): PairingRequest {
  return parseFields(schema, payload, { required: ["public"] });
}

/** Makes the service of the route `/pair`. */
export function createPairingService(options: PairingServiceOptions): Service {
  const { pairings, editKeys, services, keepUsedMs, now, log } = options;

  async function pair(payload: Payload, { kid, salt }: ServiceContext): Promise<Reply> {
    const { public: publicPoint, label } = parsePairingRequest(payload);
    if (salt === undefined) throw new FieldError("Pairing needs version 2 of the protocol");
    const pairing = await fromStore(() => pairings.findPairing(kid, now()));
    if (pairing === undefined || pairing.isUsed) throw alreadyPaired();
    const ephemeral = await generateAgreementKey();
    const secret = await deriveDeviceKey(ephemeral, { publicPoint, pairingKey: pairing.secret, salt });
    // Before the claim: a request that cannot succeed leaves the code valid.
    if (secret === undefined) throw new FieldError(`Invalid field: public: ${POINT_RULE}`);
    const key = await claimAndSave(pairing, { secret, label });
    const { name, rights, expires } = key;
    log.info("Device {label} paired as {name}", { label: label ?? "without a label", name });
    const body = {
      public: ephemeral.publicPoint,
      name,
      kid: await deriveKeyId(secret),
      rights,
      expires: expires && new Date(expires).toISOString(),
    };
    return { status: 200, bodyJson: JSON.stringify(body), source: "gateway" };
  }

  /** Uses up the code, and adds the key. A gateway that is killed in between loses the code, and nothing else. */
  async function claimAndSave(
    pairing: FoundPairing,
    deviceKey: DeviceKey,
  ): Promise<KeyRecord> {
    const { kid } = pairing;
    const claim = { now: now(), keepUntil: now() + keepUsedMs };
    if (!await fromStore(() => pairings.claimPairing(kid, claim))) throw alreadyPaired();
    try {
      return await save(pairing, deviceKey, claim);
    } catch (error) {
      await pairings.returnPairing(kid).catch((failure) =>
        log.error("Pairing code of {name} is lost: {reason}", { name: pairing.name, reason: errorText(failure) })
      );
      throw error;
    }
  }

  async function save(
    pairing: FoundPairing,
    deviceKey: DeviceKey,
    claim: Pick<PairingClaim, "now">,
  ): Promise<KeyRecord> {
    let key: KeyRecord | undefined;
    try {
      await editKeys(async (records) => {
        // `keys remove` removes the code first, then edits the file: so it finds the key, or there will be none.
        if (await fromStore(() => pairings.findPairing(pairing.kid, claim.now)) === undefined) throw withdrawn();
        key = pairedKey(pairing, deviceKey, { records, services });
        const index = records.findIndex(({ name }) => name === pairing.name);
        return index === -1 ? [...records, key] : records.with(index, key);
      });
    } catch (error) {
      if (!(error instanceof KeyFileError || error instanceof KeysFileLockedError)) throw error;
      log.error("Pairing of {name} failed: {reason}", { name: pairing.name, reason: error.message });
      throw new ServiceError(503, "Key could not be saved: see the log of the gateway, then try again", {
        code: "internal",
        cause: error,
      });
    }
    if (key === undefined) throw new Error("The keys file was not edited");
    return key;
  }

  async function fromStore<T>(use: () => Promise<T>): Promise<T> {
    try {
      return await use();
    } catch (error) {
      log.error("Pairing fails: {reason}", { reason: errorText(error) });
      throw new ServiceError(503, "Pairing codes are out of reach: try again", { code: "internal", cause: error });
    }
  }

  return { name: PAIR, fieldErrorStatus: 400, target: () => undefined, handle: pair };
}

/**
 * Returns the key that a device gets.
 *
 * @throws {ServiceError} if the name of a new key is taken, or the key that gets a new secret was removed
 */
function pairedKey(
  { name, record, expires }: FoundPairing,
  deviceKey: DeviceKey,
  { records, services }: { readonly records: readonly KeyRecord[]; readonly services: readonly GrantableService[] },
): KeyRecord {
  const existing = records.find((one) => one.name === name);
  if (record === undefined) {
    // A key that was made since is another one of the same name, perhaps with more rights.
    const isSame = existing !== undefined && existing.created <= expires - PAIRING_MS;
    if (isSame) return { ...existing, ...deviceKey, previous: undefined, minProtocol: 2 };
    throw new ServiceError(409, `Key ${name} was removed: ask for a new pairing code`, { code: "pairing_conflict" });
  }
  if (existing === undefined) return completeKey(record, deviceKey, services);
  throw new ServiceError(409, `Name ${name} was given to another key: ask for a new pairing code`, {
    code: "pairing_conflict",
  });
}

function withdrawn(): ServiceError {
  return new ServiceError(409, "This pairing code was removed: ask for a new one", { code: "pairing_conflict" });
}

function alreadyPaired(): ServiceError {
  return new ServiceError(409, "This pairing code was used: ask for a new one", { code: "already_paired" });
}
