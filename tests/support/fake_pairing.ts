/** Gateway's side of a pairing exchange, for fake gateways. */
import { type Bytes, fromHex } from "../../src/protocol/bytes.ts";
import { generateAgreementKey } from "../../src/protocol/p256.ts";
import { deriveDeviceKey, derivePairingKey } from "../../src/protocol/pairing_exchange.ts";
import { deriveKeyId, importSecretKey, type SecretKeyV1 } from "../../src/protocol/secret_key.ts";
import vectors from "../testdata/vectors.json" with { type: "json" };
import { type Answerer, made, type Received } from "./fake_gateway.ts";

const { pairing } = vectors.v2;

/** Pairing code of the test vectors. */
export const CODE = "AAECAwQFBgcICQoLDA0ODw";

/** Key that is derived from that code. */
export const PAIRING_KEY: Bytes = await derivePairingKey(fromHex(pairing.code));

/** The same, imported. */
export const PAIRING_SECRET: SecretKeyV1 = await importSecretKey(PAIRING_KEY);

/** Rights of the new key. */
export const RIGHTS = { mqtt: { subscribe: ["home/#"] } };

/** Body of an answer to a pairing request. */
export interface PairedBody {
  readonly public: string;
  readonly name: string;
  readonly kid: string;
  readonly rights: unknown;
  readonly expires?: string;
}

/** Makes the gateway's half of a key, as the answer to a request. */
export async function pairedBody(
  { fields, exchange }: Pick<Received, "fields" | "exchange">,
): Promise<{ readonly body: PairedBody; readonly deviceKey: Bytes }> {
  const ephemeral = await generateAgreementKey();
  if (exchange.version !== 2) throw new Error("Pairing is of version 2");
  const deviceKey = await deriveDeviceKey(ephemeral, {
    publicPoint: String(fields["public"]),
    pairingKey: PAIRING_KEY,
    salt: exchange.salt,
  });
  if (deviceKey === undefined) throw new Error("Public point is wrong");
  const body = { public: ephemeral.publicPoint, name: "phone", kid: await deriveKeyId(deviceKey), rights: RIGHTS };
  return { body, deviceKey };
}

/** Answers a pairing request; `change` changes the body before it is sealed. */
export const paired = (change: (body: PairedBody) => unknown = (body) => body): Answerer => async (request, signal) => {
  const { body } = await pairedBody(request);
  return await made({ source: "gateway" }, 200, change(body))(request, signal);
};
