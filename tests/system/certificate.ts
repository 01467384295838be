import { hasProgram } from "./programs.ts";

/** Whether certificates can be made here. CI installs OpenSSL, so that nothing is skipped unnoticed there. */
export const HAS_OPENSSL: boolean = Deno.env.get("CI") !== undefined || await hasProgram("openssl");

/** Writes `cert.pem` and `key.pem`, a self-signed certificate for `localhost`, into a directory. */
export async function makeCertificate(directory: string): Promise<void> {
  const { success } = await new Deno.Command("openssl", {
    args: [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost".split(" "),
      ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
      // Rustls takes no authority's certificate for a server's own.
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-keyout", `${directory}/key.pem`, "-out", `${directory}/cert.pem`],
    ],
    stdout: "null",
    stderr: "null",
  }).output();
  if (!success) throw new Error("openssl failed");
}
