/** Gateway on fakes whose devices can pair, and a device with a code. */
import { KeyFileError } from "../../src/keys/default_key_file.ts";
import { createPairing, type PendingKey } from "../../src/keys/pairing_code.ts";
import { PairingKeyring } from "../../src/gateway/pairing_keyring.ts";
import { createPairingService } from "../../src/gateway/pairing_service.ts";
import type { KeysChange } from "../../src/keys/keyring_file.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import { isObject } from "../../src/lib/json.ts";
import type { Log } from "../../src/observability/log.ts";
import { type Bytes, fromBase64Url, randomBytes } from "../../src/protocol/bytes.ts";
import { generateAgreementKey } from "../../src/protocol/p256.ts";
import { deriveDeviceKey, derivePairingKey } from "../../src/protocol/pairing_exchange.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { MemoryState } from "./memory_state.ts";
import type { PairingStore } from "../../src/store/state/pairing_store.ts";
import { makeGateway, makeRecord, NOW, type Overrides } from "./gateway.ts";

/** Time for which the fixture recognizes a used code, in seconds. */
export const KEEP_USED_SECONDS = 120;

/** Creates the gateway. Its keys file is an array. */
export async function makePairingGateway(overrides: Overrides = {}) {
  const pairings = new MemoryState();
  const file: { records: readonly KeyRecord[]; fault?: Error; beforeEdit?: () => Promise<void> } = { records: [] };
  /** Replaces methods of the store. */
  const faults: Partial<PairingStore> = {};
  const store: Pick<PairingStore, "findPairing" | "claimPairing" | "returnPairing"> = {
    findPairing: (...args) => (faults.findPairing ?? pairings.findPairing.bind(pairings))(...args),
    claimPairing: (...args) => (faults.claimPairing ?? pairings.claimPairing.bind(pairings))(...args),
    returnPairing: (...args) => (faults.returnPairing ?? pairings.returnPairing.bind(pairings))(...args),
  };
  const lines: string[] = [];
  const write = (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
    void lines.push(message.replace(/\{(\w+)\}/g, (_, name) => String(fields[name])));
  const log: Log = { debug: write, info: write, warn: write, error: write };
  const now = () => gateway.clock.seconds * 1000;
  const gateway: Awaited<ReturnType<typeof makeGateway>> = await makeGateway({
    log,
    pairing: {
      keyring: new PairingKeyring({ pairings: store, now, random: randomBytes, log }),
      service: createPairingService({
        pairings: store,
        async editKeys(change: KeysChange) {
          await file.beforeEdit?.();
          if (file.fault !== undefined) throw file.fault;
          file.records = await change(file.records);
          await gateway.keyring.replace({ single: gateway.secret, records: file.records });
        },
        services: SERVICES,
        keepUsedMs: KEEP_USED_SECONDS * 1000,
        now,
        log,
      }),
    },
    ...overrides,
  });

  /** Makes a code for a new key; `undefined` for one that gives an existing key a new secret. */
  async function makeCode(name: string, changed: Partial<PendingKey> | undefined = {}): Promise<string> {
    const { secret: _, ...record } = makeRecord({ name, services: ["mqtt"], publish: ["#"], minProtocol: 2 });
    const key = { ...record, created: now(), ...changed };
    const { code, pairing } = await createPairing({ name, key, now: now(), random: randomBytes });
    await pairings.addPairing(pairing, { now: now(), max: 100 });
    return code;
  }

  async function makeReplacementCode(name: string): Promise<string> {
    const { code, pairing } = await createPairing({ name, key: undefined, now: now(), random: randomBytes });
    await pairings.addPairing(pairing, { now: now(), max: 100 });
    return code;
  }

  /** Returns a device with a code, which has sent nothing yet. */
  async function makeDevice(code: string, peer?: string) {
    const pairingKey = await derivePairingKey(fromBase64Url(code));
    const phone = await gateway.phone(pairingKey, { version: 2, ...peer === undefined ? {} : { peer } });
    const ephemeral = await generateAgreementKey();
    /** Sends one exchange, and derives the key. */
    async function pair(fields: Readonly<Record<string, unknown>> = {}) {
      const { response, exchange } = await phone.exchange("/pair", { public: ephemeral.publicPoint, ...fields });
      if (response.status !== 200) return { status: response.status, body: undefined, text: await response.text() };
      const { status, body } = await phone.answer(response, exchange);
      if (!isObject(body) || exchange.version === 1) return { status, body, text: String(body) };
      const secret = await deriveDeviceKey(ephemeral, {
        publicPoint: String(body["public"]),
        pairingKey,
        salt: exchange.salt,
      });
      return { status, body, text: "", secret };
    }
    return { phone, ephemeral, pair };
  }

  return { gateway, pairings, faults, file, lines, makeCode, makeReplacementCode, makeDevice };
}

/** Error of a keys file that cannot be written. */
export const UNWRITABLE: KeyFileError = new KeyFileError('Keys file "/keys.json" cannot be written and is unchanged');

/** Returns the secret of a device that has paired. */
export function secretOf({ secret }: { readonly secret?: Bytes | undefined }): Bytes {
  if (secret === undefined) throw new Error("The device has not paired");
  return secret;
}

export { NOW };
