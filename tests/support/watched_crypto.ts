import { toHex } from "../../src/protocol/bytes.ts";

/** Recorded call of `crypto.subtle.encrypt`. */
export interface Encryption {
  /** Key: salt and info of its derivation, or the number of earlier keys that were not derived. */
  readonly key: string;
  /** Nonce in hexadecimal. */
  readonly nonce: string;
  /** Additional authenticated data. */
  readonly additionalData: string;
}

type Arguments<Name extends "deriveKey" | "encrypt"> = Parameters<SubtleCrypto[Name]>;

/**
 * Runs code and returns all its encryptions.
 *
 * @param delay called at the start of each encryption; delays its result
 */
export async function watchCrypto(
  code: () => Promise<void>,
  delay: (encryption: Encryption) => Promise<void> = () => Promise.resolve(),
): Promise<readonly Encryption[]> {
  const { deriveKey, encrypt } = crypto.subtle;
  const names = new Map<CryptoKey, string>();
  const encryptions: Encryption[] = [];
  replace("deriveKey", async (...parameters: Arguments<"deriveKey">) => {
    const key = await deriveKey.apply(crypto.subtle, parameters);
    const [{ salt, info }] = parameters as unknown as [HkdfParams];
    names.set(key, `${hex(salt)} ${new TextDecoder().decode(info)}`);
    return key;
  });
  replace("encrypt", async (...parameters: Arguments<"encrypt">) => {
    const [{ iv, additionalData }, key] = parameters as unknown as [AesGcmParams, CryptoKey];
    if (!names.has(key)) names.set(key, `not derived, ${names.size}`);
    const encryption = {
      key: names.get(key) ?? "",
      nonce: hex(iv),
      additionalData: new TextDecoder().decode(additionalData),
    };
    encryptions.push(encryption);
    const [ciphertext] = await Promise.all([encrypt.apply(crypto.subtle, parameters), delay(encryption)]);
    return ciphertext;
  });
  try {
    await code();
  } finally {
    restore("deriveKey");
    restore("encrypt");
  }
  return encryptions;
}

/** Defines an own property, which hides that of the prototype. */
function replace(name: string, value: unknown): void {
  Object.defineProperty(crypto.subtle, name, { value, configurable: true });
}

function restore(name: string): void {
  Reflect.deleteProperty(crypto.subtle, name);
}

function hex(bytes: BufferSource): string {
  return toHex(
    ArrayBuffer.isView(bytes)
      ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      : new Uint8Array(bytes),
  );
}
