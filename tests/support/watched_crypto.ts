import { toHex } from "../../src/protocol/bytes.ts";

/** One encryption, as the platform was asked for it. */
export interface Encryption {
  /** The key: the salt and purpose that it was derived with, or how many keys that were not derived came before it. */
  readonly key: string;
  /** The nonce, in hexadecimal characters. */
  readonly nonce: string;
  /** What the tag covers besides the text. */
  readonly additionalData: string;
}

type Arguments<Name extends "deriveKey" | "encrypt"> = Parameters<SubtleCrypto[Name]>;

/**
 * Runs a piece of code and writes down every encryption that it asks the platform for.
 *
 * @param delay called as each encryption begins; its result is not handed on before
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

/** The object's own property hides the one of its prototype. */
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
