import { hasProgram } from "./programs.ts";

/** True if OpenSSL is installed; assumed in CI, where its absence must fail. */
export const HAS_OPENSSL: boolean = Deno.env.get("CI") !== undefined || await hasProgram("openssl");

/** Writes `cert.pem` and `key.pem`, a self-signed certificate for `localhost`, into a directory. */
export async function makeCertificate(directory: string): Promise<void> {
  await openssl([
    ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost".split(" "),
    ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    // Rustls rejects the certificate of an authority as that of a server.
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-keyout", `${directory}/key.pem`, "-out", `${directory}/cert.pem`],
  ]);
}

/** Certificate and its private key, as PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** Makes a certificate with the defaults of OpenSSL: of an authority, for a name that is not a host. */
export async function makeDefaultCertificate(directory: string, name: string): Promise<KeyPair> {
  const [key, cert] = [`${directory}/${name}.key`, `${directory}/${name}.pem`];
  await openssl(`req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=jeedom -keyout ${key} -out ${cert}`.split(" "));
  return { cert: await Deno.readTextFile(cert), key: await Deno.readTextFile(key) };
}

/** Makes a certificate for `localhost` signed by the certificate named `signer`. */
export async function makeSignedCertificate(directory: string, signer: string): Promise<KeyPair> {
  const path = `${directory}/${crypto.randomUUID()}`;
  await Deno.writeTextFile(`${path}.ext`, "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n");
  await openssl(`req -newkey rsa:2048 -nodes -subj /CN=other -keyout ${path}.key -out ${path}.csr`.split(" "));
  await openssl([
    ...`x509 -req -in ${path}.csr -CA ${directory}/${signer}.pem -CAkey ${directory}/${signer}.key`.split(" "),
    ...`-set_serial 7 -days 2 -extfile ${path}.ext -out ${path}.pem`.split(" "),
  ]);
  return { cert: await Deno.readTextFile(`${path}.pem`), key: await Deno.readTextFile(`${path}.key`) };
}

async function openssl(args: readonly string[]): Promise<void> {
  const { success } = await new Deno.Command("openssl", { args: [...args], stdout: "null", stderr: "null" }).output();
  if (!success) throw new Error("openssl failed");
}
