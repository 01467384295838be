/**
 * The files that settings name: certificates and their private keys.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Platform } from "../platform.ts";

/** A certificate and its private key, as PEM. */
export interface CertificatePair {
  /** The certificate, and those that lead to its authority. */
  readonly cert: string;
  /** The certificate's private key. */
  readonly key: string;
}

/** A setting that names a file of certificates or of a private key. */
export type FileSetting =
  | "TLS_CERT_FILE"
  | "TLS_KEY_FILE"
  | "JEEDOM_CA_FILE"
  | "MQTT_CA_FILE"
  | "MQTT_CERT_FILE"
  | "MQTT_KEY_FILE";

/**
 * Reads the file that a setting names.
 *
 * @returns its text, or undefined where the setting is absent
 * @throws {Error} if it cannot be read, with the setting's name
 */
export async function readSettingFile(
  name: FileSetting,
  path: string | undefined,
  { files }: Pick<Platform, "files">,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  return await files.readTextFile(path).catch((cause) => {
    throw new Error(`${name} "${path}" cannot be read: ${reason(cause)}. Check its path, owner and mode`, { cause });
  });
}

/**
 * Reads a certificate and its private key. TLS would take a pair that does not fit, and tell only at each connection, in
 * words that name neither file.
 *
 * @param kind what the names of both settings begin with
 * @returns the pair, or undefined where the settings are absent
 * @throws {Error} if a file cannot be read or holds something else, or the key is another certificate's
 */
export async function readPair(
  kind: "TLS" | "MQTT",
  { certFile, keyFile }: { readonly certFile: string | undefined; readonly keyFile: string | undefined },
  platform: Pick<Platform, "files">,
): Promise<CertificatePair | undefined> {
  const [certName, keyName] = [`${kind}_CERT_FILE`, `${kind}_KEY_FILE`] as const;
  const cert = await readSettingFile(certName, certFile, platform);
  const key = await readSettingFile(keyName, keyFile, platform);
  if (cert === undefined || key === undefined) return undefined;
  const certificate = parsed(
    () => new X509Certificate(cert),
    `${certName} "${certFile}" holds no certificate as PEM`,
  );
  const privateKey = parsed(
    () => createPrivateKey(key),
    `${keyName} "${keyFile}" holds no private key as PEM without a password`,
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Error(
      `${keyName} "${keyFile}" is not the key of the certificate in ${certName} "${certFile}". ` +
        "Set both to files of one pair",
    );
  }
  return { cert, key };
}

function parsed<T>(parse: () => T, fault: string): T {
  try {
    return parse();
  } catch (cause) {
    throw new Error(`${fault}. Set it to a file that does`, { cause });
  }
}

function reason(error: unknown): string {
  return errorText(error);
}
