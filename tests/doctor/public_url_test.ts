import { assertEquals, assertStringIncludes } from "@std/assert";
import { GATEWAY } from "../../src/doctor/checks/gateway.ts";
import { PUBLIC_URL } from "../../src/doctor/checks/public_url.ts";
import type { Finding } from "../../src/doctor/check.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openRequest, parseRequest, sealAnswer } from "../../src/protocol/exchange.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { inTempDir } from "../support/temp_dir.ts";
import { answering, fetchFailure, LOCAL_URL, makeContext, NEVER_ABORTED } from "../support/doctor_context.ts";

const HEX = "ab".repeat(32);
const OTHER = "cd".repeat(32);

interface Servers {
  readonly env?: Readonly<Record<string, string>>;
  /** Server on the gateway's port. */
  readonly local: typeof fetch;
  /** Server at the public address. */
  readonly outside: typeof fetch;
  readonly url?: string;
  readonly addresses?: readonly string[];
}

/** Runs the checks of the gateway and of its public URL. */
async function runChecks(
  { local, outside, url = "https://house.example", addresses = ["1.2.3.4"], env = {} }: Servers,
) {
  let found: { gateway: Finding; outside: Finding } | undefined;
  await inTempDir(async (directory) => {
    await Deno.writeTextFile(`${directory}/key.txt`, HEX, { mode: 0o600 });
    const context = makeContext({
      env: { ...env, PUBLIC_URL: url, SECRET_KEY_FILE: `${directory}/key.txt`, KEYS_FILE: `${directory}/keys.json` },
      machine: {
        fetch: (input, init) => (String(input).startsWith(LOCAL_URL) ? local : outside)(input, init),
        lookup: () => Promise.resolve(addresses),
      },
      now: () => Date.now(),
    });
    const [gateway, publicUrl] = await Promise.all([
      GATEWAY.run(context, NEVER_ABORTED),
      PUBLIC_URL.run(context, NEVER_ABORTED),
    ]);
    found = { gateway, outside: publicUrl };
  });
  if (found === undefined) throw new Error("No check ran");
  assertEquals(JSON.stringify(found).includes(HEX), false, "The key was shown");
  return found;
}

/** Makes a fake gateway for the doctor's probe: a repeat gets the first answer if it keeps answers. */
async function makeFakeGateway(
  hex: string,
  { version = "1.0.0", keeps = true }: { readonly version?: string; readonly keeps?: boolean } = {},
) {
  const key = await importSecretKey(Uint8Array.fromHex(hex));
  const answers = new Map<string, string>();
  const opened: unknown[] = [];
  return {
    /** Opened payloads, without repeats. */
    opened,
    fetch: async (input: Parameters<typeof fetch>[0], init?: RequestInit): Promise<Response> => {
      if (new URL(String(input)).pathname === "/health") return Response.json({ status: "ok", version });
      const text = String(init?.body);
      const request = await openRequest(key, parseRequest(text), { route: "/mqtt/publish" });
      if (request === undefined) return Response.json({ error: "Decryption failed" }, { status: 401 });
      const kept = keeps ? answers.get(text) : undefined;
      const status = answers.has(text) ? 409 : 400;
      if (!answers.has(text)) opened.push(JSON.parse(request.text));
      const answer = kept ?? await sealAnswer(request.exchange, JSON.stringify({ status, body: {} }), randomBytes);
      answers.set(text, answer);
      return new Response(answer);
    },
  };
}

Deno.test("public_url is ok when the repeat gets the first answer", async () => {
  const { fetch, opened } = await makeFakeGateway(HEX);
  const found = await runChecks({ local: fetch, outside: fetch });
  assertEquals(found.gateway, { status: "ok", message: 'Version 1.0.0 runs on port 10000 and has key "default"' });
  assertEquals(found.outside.status, "ok");
  // The probe has no effect: it has no topic, and names no service.
  assertEquals(opened.map((payload) => ({ ...Object(payload), timestamp: 0 })), [{ timestamp: 0, service: "none" }]);
});

Deno.test("public_url is ok when the gateway keeps no answers", async () => {
  const { fetch } = await makeFakeGateway(HEX, { keeps: false });
  assertEquals((await runChecks({ local: fetch, outside: fetch })).outside.status, "ok");
});

Deno.test("public_url detects another gateway, with the same key or another", async () => {
  const { fetch: local } = await makeFakeGateway(HEX);
  const duplicate = (await runChecks({ local, outside: (await makeFakeGateway(HEX)).fetch })).outside;
  assertEquals(duplicate.status, "failed");
  assertStringIncludes(duplicate.message, 'another gateway, which also has key "default"');
  const other = (await runChecks({ local, outside: (await makeFakeGateway(OTHER)).fetch })).outside;
  assertStringIncludes(other.message, "does not have this key");
});

Deno.test("public_url warns of an address without TLS, except on this machine", async () => {
  const { fetch } = await makeFakeGateway(HEX);
  assertEquals(
    (await runChecks({ local: fetch, outside: fetch, url: "http://192.168.1.9:10000" })).outside.status,
    "warning",
  );
  assertEquals((await runChecks({ local: fetch, outside: fetch, url: "http://127.0.0.1:9" })).outside.status, "ok");
});

Deno.test("public_url warns of a proxy that ends TLS and could change the page, unless the page is off", async () => {
  const { fetch } = await makeFakeGateway(HEX);
  const through = async (headers: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}) => {
    const outside: typeof globalThis.fetch = async (input, init) => {
      const response = await fetch(input, init);
      for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
      return response;
    };
    return (await runChecks({ local: fetch, outside, env })).outside;
  };
  for (
    const [header, value, proxy] of [
      ["CF-Ray", "8a1b-CDG", "Cloudflare (header CF-Ray)"],
      ["cf-cache-status", "DYNAMIC", "Cloudflare"],
      ["Server", "cloudflare", "Cloudflare"],
      ["x-amz-cf-id", "abc==", "Amazon CloudFront"],
      ["Via", "1.1 abc.cloudfront.net (CloudFront)", "Amazon CloudFront"],
      ["Via", "1.1 google", "Google Cloud"],
    ] as const
  ) {
    const { status, message } = await through({ [header]: value });
    assertEquals(status, "warning", header);
    assertStringIncludes(message, `through ${proxy}`);
    assertEquals((await through({ [header]: value }, { CONSOLE: "off" })).status, "ok", header);
  }
  // Proxies at home add such headers, too.
  for (const headers of [{ Via: "1.1 Caddy" }, { Server: "nginx" }, {}]) {
    assertEquals((await through(headers)).status, "ok");
  }
});

Deno.test("public_url reports a route inside of the tailnet, which does not test Funnel", async () => {
  const { fetch } = await makeFakeGateway(HEX);
  const { outside } = await runChecks({ local: fetch, outside: fetch, addresses: ["100.101.102.103"] });
  assertStringIncludes(outside.message, "Funnel itself was not tested");
});

Deno.test("public_url describes responses of tunnels and failures, with the remedy", async () => {
  const { fetch: local } = await makeFakeGateway(HEX);
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
    const found = (await runChecks({ local, outside })).outside;
    assertEquals(found.status, "failed");
    assertStringIncludes(found.message, message);
    assertStringIncludes(found.remedy ?? "", remedy);
    assertEquals(found.message.includes("secret"), false);
  }
});

Deno.test("public_url suggests the address of a redirect to HTTPS", async () => {
  const { fetch: local } = await makeFakeGateway(HEX);
  const outside = answering(301, "", { Location: "https://house.example/mqtt/publish" });
  const found = (await runChecks({ local, outside, url: "http://house.example" })).outside;
  assertEquals(found.remedy, "Set PUBLIC_URL=https://house.example");
});

Deno.test("public_url shows the address with its path", async () => {
  const { fetch } = await makeFakeGateway(HEX);
  const at = async (outside: typeof globalThis.fetch, url = "http://house.example/gate/") =>
    (await runChecks({ local: fetch, outside, url })).outside;
  assertStringIncludes((await at(fetch)).message, "http://house.example/gate leads to this gateway");
  for (
    const outside of [answering(404), answering(302), fetchFailure("dns error"), (await makeFakeGateway(HEX)).fetch]
  ) {
    assertStringIncludes((await at(outside)).message, "http://house.example/gate ");
  }
  const secured = await at(answering(301, "", { Location: "https://house.example/gate/mqtt/publish" }));
  assertEquals(secured.remedy, "Set PUBLIC_URL=https://house.example/gate");
});

Deno.test("public_url reports plain HTTP on a port for HTTPS", async () => {
  const { fetch: local } = await makeFakeGateway(HEX);
  const outside = answering(400, "Client sent an HTTP request to an HTTPS server.\n");
  const { message, remedy } = (await runChecks({ local, outside, url: "http://house.example:8443" })).outside;
  assertStringIncludes(message, "http://house.example:8443 answers HTTP 400: that port speaks HTTPS");
  assertEquals(remedy, "Use https:// instead of http:// in PUBLIC_URL");
});

Deno.test("public_url suggests Funnel when a Tailscale name does not answer", async () => {
  const { fetch: local } = await makeFakeGateway(HEX);
  const url = "https://house.tail1234.ts.net";
  for (const text of ["Connection refused (os error 111)", "dns error", "tls handshake eof"]) {
    assertEquals(
      (await runChecks({ local, outside: fetchFailure(text), url })).outside.remedy,
      "Turn Funnel on: ./run_tailscale.sh",
    );
  }
});

Deno.test("gateway reports another version, and other keys", async () => {
  const older = await makeFakeGateway(HEX, { version: "0.9.0" });
  const found = await runChecks({ local: older.fetch, outside: older.fetch });
  assertEquals(found.gateway.status, "warning");
  assertEquals(found.gateway.remedy, "Restart the gateway");
  assertEquals(found.outside.status, "ok");
  const { fetch } = await makeFakeGateway(OTHER);
  const other = await runChecks({ local: fetch, outside: fetch });
  assertStringIncludes(other.gateway.message, 'does not have key "default"');
  assertEquals(other.outside.status, "skipped");
});

Deno.test("gateway shows no control characters and lines of another program", async () => {
  const evil = "\u001b[2J\u202e\n-> rm";
  const answersOf = (version: string): typeof fetch => (input) =>
    Promise.resolve(
      String(input).endsWith("/health")
        ? Response.json({ status: "ok", version })
        : Response.json({ error: evil }, { status: 418 }),
    );
  for (const version of ["1.0.0", evil]) {
    const { gateway } = await runChecks({ local: answersOf(version), outside: answersOf(version) });
    assertEquals(gateway.status, "failed");
    assertEquals(/[\p{Cc}\p{Bidi_Control}]/u.test(gateway.message), false, JSON.stringify(gateway.message));
  }
});
