/** Growth of the keyring: requests that name no key, and that none opens, as keys and attackers grow. */
import { LiveKeyring } from "../../../../src/keys/keyring.ts";
import { createImportSecretKey } from "../../../../src/keys/node_crypto.ts";
import { randomBytes } from "../../../../src/protocol/bytes.ts";
import { quantile } from "../../../support/statistics.ts";
import { makeRecord, NOW } from "../../../../tests/support/gateway.ts";
import type { GrowthCase } from "../growth_case.ts";
import { turnsUntil } from "../time_of.ts";

/** Keyrings by their number of keys: importing keys takes longer than what is measured. */
const keyrings = new Map<number, Promise<LiveKeyring>>();

function keyringOf(keys: number): Promise<LiveKeyring> {
  const keyring = keyrings.get(keys) ?? makeKeyring(keys);
  keyrings.set(keys, keyring);
  return keyring;
}

async function makeKeyring(keys: number): Promise<LiveKeyring> {
  const importSecretKey = createImportSecretKey("native");
  const keyring = new LiveKeyring({ now: () => NOW * 1000, random: randomBytes, allRights: {}, importSecretKey });
  const records = Array.from({ length: keys }, (_, index) => makeRecord({ name: `key${index}` }));
  await keyring.replace({ single: undefined, records });
  return keyring;
}

/** Sends a request of 200 bytes that names no key, from each of some new addresses, and waits for all refusals. */
async function refuse(keyring: LiveKeyring, attackers: number): Promise<void> {
  await Promise.all(Array.from({ length: attackers }, () => {
    const envelope = { version: 1, nonce: randomBytes(12), ciphertext: randomBytes(200) } as const;
    return keyring.open(envelope, { address: crypto.randomUUID(), route: "/gateway" }).catch(() => {});
  }));
}

/** Returns the 99th percentile of the turns of the event loop while requests are refused, in milliseconds. */
async function longTurn(keyring: LiveKeyring, attackers: number): Promise<number> {
  return quantile(await turnsUntil(refuse(keyring, attackers)), 0.99);
}

const attackersBlock: GrowthCase = {
  name: "attackers-block",
  sizes: [1_000, 2_000, 4_000, 8_000],
  unit: "keys tried for 8 attackers, 99 % of turns",
  isFlat: true,
  measure: async (size) => longTurn(await keyringOf(size), 8),
};

const attackersTogether: GrowthCase = {
  name: "attackers-together",
  sizes: [8, 16, 32, 64],
  unit: "attackers at once and 1,000 keys, 99 % of turns",
  isFlat: true,
  measure: async (size) => longTurn(await keyringOf(1_000), size),
};

const attackersCost: GrowthCase = {
  name: "attackers-cost",
  sizes: [1_000, 2_000, 4_000, 8_000],
  unit: "keys tried for one attacker",
  async measure(size) {
    const keyring = await keyringOf(size);
    const started = performance.now();
    await refuse(keyring, 1);
    return performance.now() - started;
  },
};

/** Cases of the keyring. */
export const KEY_CASES: readonly GrowthCase[] = [attackersBlock, attackersTogether, attackersCost];
