import type { Aead, Encryptor } from "../../src/protocol/aead.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import type { SecretKeyV1 } from "../../src/protocol/secret_key.ts";

/** Recorded encryption. */
export interface Encryption {
  /** Key: salt and info of its derivation, or that of version 1. */
  readonly key: string;
  /** Nonce in hexadecimal. */
  readonly nonce: string;
  /** Additional authenticated data. */
  readonly additionalData: string;
}

/**
 * Returns a key that works like another one, and the growing list of its encryptions.
 *
 * @param delay called at the start of each encryption; delays its result
 */
export function watchKey(
  key: SecretKeyV1,
  delay: (encryption: Encryption) => Promise<void> = () => Promise.resolve(),
): { readonly key: SecretKeyV1; readonly encryptions: readonly Encryption[] } {
  const encryptions: Encryption[] = [];
  const utf8 = new TextDecoder();
  const watch = (cipher: Encryptor, name: string): Encryptor => ({
    async encrypt(plaintext, parameters) {
      const additionalData = utf8.decode(parameters.additionalData);
      const encryption = { key: name, nonce: toHex(parameters.nonce), additionalData };
      encryptions.push(encryption);
      const [ciphertext] = await Promise.all([cipher.encrypt(plaintext, parameters), delay(encryption)]);
      return ciphertext;
    },
  });
  const aead: Aead = {
    ...watch(key.aead, "version 1"),
    decrypt: (ciphertext, parameters) => key.aead.decrypt(ciphertext, parameters),
  };
  return {
    key: {
      kid: key.kid,
      aead,
      async deriveEncryptor(derivation) {
        return watch(
          await key.deriveEncryptor(derivation),
          `${toHex(derivation.salt)} ${utf8.decode(derivation.info)}`,
        );
      },
      deriveDecryptor: (derivation) => key.deriveDecryptor(derivation),
    },
    encryptions,
  };
}
