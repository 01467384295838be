import { assertEquals, assertStringIncludes } from "@std/assert";
import { GATEWAY } from "../../src/doctor/checks/gateway.ts";
import { PUBLIC_URL } from "../../src/doctor/checks/public_url.ts";
import type { Finding } from "../../src/doctor/check.ts";
import { inTempDir } from "../support/temp_dir.ts";
import { answering, fetchFailure, LOCAL_URL, makeContext, PATIENT } from "../support/doctor_context.ts";
import { makeGateway } from "./fake_gateway.ts";

const HEX = "ab".repeat(32);
const OTHER = "cd".repeat(32);

interface Street {
  /** What is on the gateway's port. */
  readonly local: typeof fetch;
  /** What is at the public address. */
  readonly outside: typeof fetch;
  readonly url?: string;
  readonly addresses?: readonly string[];
}

/** What the checks of the gateway and of its public address find. */
async function look({ local, outside, url = "https://house.example", addresses = ["1.2.3.4"] }: Street) {
  let found: { gateway: Finding; outside: Finding } | undefined;
  await inTempDir(async (directory) => {
    await Deno.writeTextFile(`${directory}/key.txt`, HEX, { mode: 0o600 });
    const context = makeContext({
      env: { PUBLIC_URL: url, SECRET_KEY_FILE: `${directory}/key.txt`, KEYS_FILE: `${directory}/keys.json` },
      machine: {
        fetch: (input, init) => (String(input).startsWith(LOCAL_URL) ? local : outside)(input, init),
        lookup: () => Promise.resolve(addresses),
      },
      now: () => Date.now(),
    });
    const [gateway, way] = await Promise.all([GATEWAY.run(context, PATIENT), PUBLIC_URL.run(context, PATIENT)]);
    found = { gateway, outside: way };
  });
  if (found === undefined) throw new Error("Nothing was looked at");
  assertEquals(JSON.stringify(found).includes(HEX), false, "The key was told");
  return found;
}

Deno.test("the public address leads to this gateway when it gives the first answer once more", async () => {
  const { fetch, opened } = await makeGateway(HEX);
  const found = await look({ local: fetch, outside: fetch });
  assertEquals(found.gateway, { status: "ok", message: 'Version 1.0.0 runs on port 10000 and has key "default"' });
  assertEquals(found.outside.status, "ok");
  // What was sent can do nothing: it has no topic, and is for a service that is none.
  assertEquals(opened.map((payload) => ({ ...Object(payload), timestamp: 0 })), [{ timestamp: 0, service: "none" }]);
});

Deno.test("the public address leads to this gateway when it keeps no answers", async () => {
  const { fetch } = await makeGateway(HEX, { keeps: false });
  assertEquals((await look({ local: fetch, outside: fetch })).outside.status, "ok");
});

Deno.test("another gateway with the same key is told from this one, and one with another key", async () => {
  const { fetch: local } = await makeGateway(HEX);
  const twin = (await look({ local, outside: (await makeGateway(HEX)).fetch })).outside;
  assertEquals(twin.status, "failed");
  assertStringIncludes(twin.message, 'another gateway, which also has key "default"');
  const stranger = (await look({ local, outside: (await makeGateway(OTHER)).fetch })).outside;
  assertStringIncludes(stranger.message, "does not have this key");
});

Deno.test("an address without TLS is warned of, but not on this machine", async () => {
  const { fetch } = await makeGateway(HEX);
  assertEquals(
    (await look({ local: fetch, outside: fetch, url: "http://192.168.1.9:10000" })).outside.status,
    "warning",
  );
  assertEquals((await look({ local: fetch, outside: fetch, url: "http://127.0.0.1:9" })).outside.status, "ok");
});

Deno.test("a way inside of the tailnet is told, as Funnel was not tried then", async () => {
  const { fetch } = await makeGateway(HEX);
  const { outside } = await look({ local: fetch, outside: fetch, addresses: ["100.101.102.103"] });
  assertStringIncludes(outside.message, "Funnel itself was not tested");
});

Deno.test("what tunnels answer in place of the gateway is told in words, with the remedy", async () => {
  const { fetch: local } = await makeGateway(HEX);
  const page = { "Content-Type": "text/html" };
  for (
    const [outside, message, remedy] of [
      [answering(530, "error code: 1033"), "tunnel does not run (error 1033)", "Start cloudflared"],
      [answering(530, "error code: 1016"), "does not find the tunnel", "Cloudflare's DNS"],
      [answering(502), "does not reach the gateway", "PORT"],
      [answering(526), "not valid for Cloudflare", "SSL/TLS"],
      [answering(200, "<!doctype html><form>", page), "the gateway is behind a login page", "Remove the login"],
      [answering(403, "<html>", page), "the gateway is behind a login page", "Remove the login"],
      [answering(200, "hello"), "in place of the gateway", "Fix PUBLIC_URL"],
      [answering(418, "", { Server: "cloudflare" }), "Cloudflare answers", "Fix PUBLIC_URL"],
      [answering(429), "too many requests", "in a minute"],
      [
        answering(302, "", { Location: "https://team.cloudflareaccess.com/cdn-cgi/access/login?token=secret" }),
        "redirects to https://team.cloudflareaccess.com (HTTP 302): Cloudflare Access requires a login",
        "Remove Access",
      ],
      [
        answering(308, "", { Location: "https://www.house.example/" }),
        "redirects to https://www.house",
        "final address",
      ],
      [fetchFailure("dns error: failed to lookup address information"), "no such name", "Fix the name"],
      [fetchFailure("invalid peer certificate: Expired"), "has expired", "certificate"],
      [fetchFailure("invalid peer certificate: certificate not valid for name"), "another name's", "certificate"],
      [fetchFailure("received fatal alert: InternalError"), "TLS handshake", "TLS"],
      [fetchFailure("something new with secret"), "closed the connection without a response", "the tunnel runs"],
      [
        fetchFailure("for url (https://tls.example/): reset"),
        "closed the connection without a response",
        "the tunnel runs",
      ],
    ] as const
  ) {
    const found = (await look({ local, outside })).outside;
    assertEquals(found.status, "failed");
    assertStringIncludes(found.message, message);
    assertStringIncludes(found.remedy ?? "", remedy);
    assertEquals(found.message.includes("secret"), false);
  }
});

Deno.test("a redirect to TLS names the address to set", async () => {
  const { fetch: local } = await makeGateway(HEX);
  const outside = answering(301, "", { Location: "https://house.example/mqtt/publish" });
  const found = (await look({ local, outside, url: "http://house.example" })).outside;
  assertEquals(found.remedy, "Set PUBLIC_URL=https://house.example");
});

Deno.test("the public address is told with its path, in what leads here and in what does not", async () => {
  const { fetch } = await makeGateway(HEX);
  const at = async (outside: typeof globalThis.fetch, url = "http://house.example/gate/") =>
    (await look({ local: fetch, outside, url })).outside;
  assertStringIncludes((await at(fetch)).message, "http://house.example/gate leads to this gateway");
  for (const outside of [answering(404), answering(302), fetchFailure("dns error"), (await makeGateway(HEX)).fetch]) {
    assertStringIncludes((await at(outside)).message, "http://house.example/gate ");
  }
  const secured = await at(answering(301, "", { Location: "https://house.example/gate/mqtt/publish" }));
  assertEquals(secured.remedy, "Set PUBLIC_URL=https://house.example/gate");
});

Deno.test("plain HTTP on a port for HTTPS is told as such", async () => {
  const { fetch: local } = await makeGateway(HEX);
  const outside = answering(400, "Client sent an HTTP request to an HTTPS server.\n");
  const { message, remedy } = (await look({ local, outside, url: "http://house.example:8443" })).outside;
  assertStringIncludes(message, "http://house.example:8443 answers HTTP 400: that port speaks HTTPS");
  assertEquals(remedy, "Use https:// instead of http:// in PUBLIC_URL");
});

Deno.test("a name of Tailscale that does not answer wants Funnel", async () => {
  const { fetch: local } = await makeGateway(HEX);
  const url = "https://house.tail1234.ts.net";
  for (const words of ["Connection refused (os error 111)", "dns error", "tls handshake eof"]) {
    assertEquals(
      (await look({ local, outside: fetchFailure(words), url })).outside.remedy,
      "Turn Funnel on: ./run_tailscale.sh",
    );
  }
});

Deno.test("a gateway of another version, or with other keys, is told", async () => {
  const older = await makeGateway(HEX, { version: "0.9.0" });
  const found = await look({ local: older.fetch, outside: older.fetch });
  assertEquals(found.gateway.status, "warning");
  assertEquals(found.gateway.remedy, "Restart the gateway");
  assertEquals(found.outside.status, "ok");
  const stranger = await makeGateway(OTHER);
  const other = await look({ local: stranger.fetch, outside: stranger.fetch });
  assertStringIncludes(other.gateway.message, 'does not have key "default"');
  assertEquals(other.outside.status, "skipped");
});

Deno.test("no control character of the program on the gateway's port is shown, and no line of its own", async () => {
  const evil = "\u001b[2J\u202e\n-> rm";
  const answersOf = (version: string): typeof fetch => (input) =>
    Promise.resolve(
      String(input).endsWith("/health")
        ? Response.json({ status: "ok", version })
        : Response.json({ error: evil }, { status: 418 }),
    );
  for (const version of ["1.0.0", evil]) {
    const { gateway } = await look({ local: answersOf(version), outside: answersOf(version) });
    assertEquals(gateway.status, "failed");
    assertEquals(/[\p{Cc}\p{Bidi_Control}]/u.test(gateway.message), false, JSON.stringify(gateway.message));
  }
});
