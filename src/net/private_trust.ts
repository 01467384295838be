/**
 * Trust in servers at home, whose certificates no public authority signed.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { checkServerIdentity, type PeerCertificate } from "node:tls";

/** Options of TLS connections, as `node:tls` has them. */
export interface PrivateTrust {
  /** Certificates as PEM, of authorities or of servers. */
  readonly ca: string[];
  /** Checks the name of a server. Called after the signatures are verified, and before anything is sent. */
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
}

/**
 * Makes the options that trust the given certificates, and no others. A server whose own certificate is one of them may
 * have any name: only it has the private key. All others need a signature by one of them, and the right name.
 *
 * @param pem the certificates, of authorities or of servers
 * @throws {Error} if there is none, or one is invalid
 */
export function privateTrust(pem: string): PrivateTrust {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) throw new Error("There is no certificate in it: PEM begins with BEGIN CERTIFICATE");
  const trusted = new Set(certificates.map((certificate) => new X509Certificate(certificate).fingerprint256));
  return {
    ca: [...certificates],
    checkServerIdentity: (host, certificate) =>
      trusted.has(certificate.fingerprint256) ? undefined : checkServerIdentity(host, certificate),
  };
}
