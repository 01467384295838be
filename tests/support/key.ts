/** Imported key of a keyring. */
import { randomBytes } from "../../src/protocol/bytes.ts";
import { parseEnvelope, sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import { type Key, LiveKeyring } from "../../src/keys/keyring.ts";
import { makeRecord, NOW } from "./gateway.ts";

/** Returns a key with the right to subscribe to a filter. */
export async function makeKey(filter: string): Promise<Key> {
  const keyring = new LiveKeyring({ now: () => NOW * 1000, random: randomBytes, allRights: {} });
  const record = makeRecord({ name: "phone", services: ["mqtt"], subscribe: [filter] });
  await keyring.replace({ single: undefined, records: [record] });
  const envelope = parseEnvelope(await sealEnvelope(await importKey(record.secret), "{}", randomBytes));
  return (await keyring.open(envelope, { address: "test", route: "/gateway" })).key;
}
