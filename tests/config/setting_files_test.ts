import { assertEquals, assertRejects } from "@std/assert";
import { readAuthorities, readPair, readSettingFile } from "../../src/config/setting_files.ts";
import { HAS_OPENSSL, makeDefaultCertificate } from "../support/certificate.ts";
import { needing } from "../support/needs.ts";
import { inTempDir } from "../support/temp_dir.ts";

Deno.test("readSettingFile() names the setting whose file cannot be read, and says what to do", async () => {
  await assertRejects(
    () => readSettingFile("MQTT_CA_FILE", "no-such-file.pem", { files: Deno }),
    Error,
    'MQTT_CA_FILE "no-such-file.pem" cannot be read: No such file',
  );
  assertEquals(await readSettingFile("MQTT_CA_FILE", undefined, { files: Deno }), undefined);
  assertEquals(await readPair("TLS", { certFile: undefined, keyFile: undefined }, { files: Deno }), undefined);
});

Deno.test(
  needing("readAuthorities() refuses a file without a certificate", { openssl: HAS_OPENSSL }),
  () =>
    inTempDir(async (directory) => {
      const own = await makeDefaultCertificate(directory, "own");
      const read = (file: string) => readAuthorities("REDIS_CA_FILE", `${directory}/${file}`, { files: Deno });
      assertEquals((await read("own.pem"))?.trim(), own.cert.trim());
      await assertRejects(
        () => read("own.key"),
        Error,
        `REDIS_CA_FILE "${directory}/own.key" is of no use: There is no`,
      );
      await assertRejects(() => read("none"), Error, `REDIS_CA_FILE "${directory}/none" cannot be read`);
      assertEquals(await readAuthorities("REDIS_CA_FILE", undefined, { files: Deno }), undefined);
    }),
);

for (const kind of ["TLS", "MQTT"] as const) {
  Deno.test(
    needing(`readPair() reports the invalid file of ${kind}`, { openssl: HAS_OPENSSL }),
    async () => {
      const directory = await Deno.makeTempDir();
      const own = await makeDefaultCertificate(directory, "own");
      await makeDefaultCertificate(directory, "other");
      const read = (cert: string, key: string) =>
        readPair(kind, { certFile: `${directory}/${cert}`, keyFile: `${directory}/${key}` }, { files: Deno });
      try {
        assertEquals(await read("own.pem", "own.key"), own);
        for (
          const [cert, key, fault] of [
            ["own.pem", "other.key", `${kind}_KEY_FILE "${directory}/other.key" is not the key of the certificate in `],
            ["own.key", "own.key", `${kind}_CERT_FILE "${directory}/own.key" holds no certificate`],
            ["own.pem", "own.pem", `${kind}_KEY_FILE "${directory}/own.pem" holds no private key`],
            ["none", "own.key", `${kind}_CERT_FILE "${directory}/none" cannot be read: No such file`],
            ["own.pem", "none", `${kind}_KEY_FILE "${directory}/none" cannot be read: No such file`],
          ] as const
        ) await assertRejects(() => read(cert, key), Error, fault);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  );
}
