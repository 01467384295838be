/**
 * Reads the files that settings name: certificates and private keys.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import type { Platform } from "../platform.ts";

/** A certificate and its private key, as PEM. */
export interface CertificatePair {
  /** The certificate chain. */
  readonly cert: string;
  /** The certificate's private key. */
  readonly key: string;
}

/** Names of the settings of a certificate and its private key, for errors. */
export interface PairNames {
  /** Name of the setting of the certificate. */
  readonly certName: string;
  /** Name of the setting of the private key. */
  readonly keyName: string;
}

/**
 * Reads the file of a setting.
 *
 * @param name name of the setting, for the error
 * @param path value of the setting
 * @returns its text, or undefined where the setting is absent
 * @throws {Error} with the setting's name, if the file cannot be read
 */
export async function readSettingFile(
  name: string,
  path: string | undefined,
  { files }: Pick<Platform, "files">,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  return await files.readTextFile(path).catch((cause) => {
    throw new Error(`${name} "${path}" cannot be read: ${errorText(cause)}. Check its path, owner and mode`, { cause });
  });
}

/**
 * Reads the certificates of a setting, which TLS would ignore without a word where they are none.
 *
 * @param name name of the setting, for the error
 * @param path value of the setting
 * @returns them as PEM, or undefined where the setting is absent
 * @throws {Error} with the setting's name, if the file cannot be read, or holds no certificate
 */
export async function readAuthorities(
  name: string,
  path: string | undefined,
  platform: Pick<Platform, "files">,
): Promise<string | undefined> {
  const pem = await readSettingFile(name, path, platform);
  if (pem === undefined) return undefined;
  // Loaded only here: most gateways read no certificate.
  const { privateTrust } = await import("../net/private_trust.ts");
  return refusing(name, path, () => privateTrust(pem).ca.join("\n"));
}

/**
 * Returns the `fetch` for a server: the given one, or one that trusts the certificates of the file alone.
 *
 * @param name name of the setting, for the error
 * @param path value of the setting
 * @param fetch the one for public certificates
 * @throws {Error} if the file cannot be read, or holds no certificate
 */
export async function openTrustedFetch(
  name: string,
  path: string | undefined,
  { files, fetch }: Pick<Platform, "files" | "fetch">,
): Promise<typeof globalThis.fetch> {
  const pem = await readSettingFile(name, path, { files });
  if (pem === undefined) return fetch;
  // Loaded only here: most networks at home have no HTTPS inside.
  const { createPrivateFetch } = await import("../net/private_fetch.ts");
  return refusing(name, path, () => createPrivateFetch(pem));
}

/** Returns what is made of the certificates of a file. @throws {Error} with the setting's name */
function refusing<T>(name: string, path: string | undefined, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new Error(`${name} "${path}" is of no use: ${errorText(error)}`, { cause: error });
  }
}

/**
 * Reads a certificate and its private key. TLS would accept a pair that does not match, and fail at each connection
 * without naming the files.
 *
 * @param names names of both settings, or the beginning of the names
 * @returns the pair, or undefined where the settings are absent
 * @throws {Error} if a file cannot be read or has other content, or the key does not match the certificate
 */
export async function readPair(
  names: string | PairNames,
  { certFile, keyFile }: { readonly certFile: string | undefined; readonly keyFile: string | undefined },
  platform: Pick<Platform, "files">,
): Promise<CertificatePair | undefined> {
  const { certName, keyName } = typeof names === "string"
    ? { certName: `${names}_CERT_FILE`, keyName: `${names}_KEY_FILE` }
    : names;
  const cert = await readSettingFile(certName, certFile, platform);
  const key = await readSettingFile(keyName, keyFile, platform);
  if (cert === undefined || key === undefined) return undefined;
  // Loaded only here: most gateways read no certificate.
  const { createPrivateKey, X509Certificate } = await import("node:crypto");
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
    throw new Error(`${fault}. Set it to a file with one`, { cause });
  }
}
