import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { createFetchOf } from "../../../src/services/influxdb/server_fetch.ts";
import type { InfluxServer } from "../../../src/services/influxdb/section.ts";
import { ServiceError } from "../../../src/services/service.ts";
import { HAS_OPENSSL, makeDefaultCertificate } from "../../support/certificate.ts";
import { needing } from "../../support/needs.ts";
import { fakePlatform } from "../../support/platform.ts";
import { inTempDir } from "../../support/temp_dir.ts";

const SERVER: InfluxServer = { url: new URL("https://influx"), version: 1, database: "home", caFile: "data/ca.pem" };

/** Platform whose file has a text; reads count. */
function make() {
  const file = { text: undefined as string | undefined, reads: 0 };
  const platform = fakePlatform({
    files: {
      ...Deno,
      readTextFile: () => {
        file.reads += 1;
        return file.text === undefined
          ? Promise.reject(new Deno.errors.NotFound("secret path"))
          : Promise.resolve(file.text);
      },
    },
  });
  return { file, platform, fetchOf: createFetchOf(platform) };
}

Deno.test("a server without caFile has the fetch of the platform", async () => {
  const { platform, fetchOf, file } = make();
  const { caFile: _, ...server } = SERVER;
  assertStrictEquals(await fetchOf(server), platform.fetch);
  assertEquals(file.reads, 0);
});

Deno.test("a file that cannot be used is a failure that does not name it to the client, and is tried again", async () => {
  const { fetchOf, file } = make();
  for (const text of [undefined, "no certificate"]) {
    file.text = text;
    const error = await assertRejects(() => fetchOf(SERVER), ServiceError, "InfluxDB is not called");
    assertEquals([error.status, error.code, error.message.includes("ca.pem")], [502, "service_unreachable", false]);
  }
  assertEquals(file.reads, 2);
});

Deno.test(
  needing("an InfluxDB with a certificate of its own is trusted by caFile alone", { openssl: HAS_OPENSSL }),
  async () => {
    await inTempDir(async (directory) => {
      const { cert, key } = await makeDefaultCertificate(directory, "influx");
      const onListen = () => {};
      const server = Deno.serve(
        { hostname: "127.0.0.1", port: 0, cert, key, onListen },
        () => new Response(null, { status: 204 }),
      );
      const url = new URL(`https://127.0.0.1:${server.addr.port}`);
      const fetchOf = createFetchOf(fakePlatform({ files: Deno, fetch }));
      try {
        const ping = async (caFile: string | undefined) =>
          (await (await fetchOf({ ...SERVER, url, caFile }))(new URL("/ping", url))).status;
        assertEquals(await ping(`${directory}/influx.pem`), 204);
        await assertRejects(() => ping(undefined), TypeError);
      } finally {
        await server.shutdown();
      }
    });
  },
);
