/**
 * Paths, methods, sizes and content types.
 *
 * @module
 */
import { parseFields } from "../answer.ts";
import { BOTH, type Subject } from "../check.ts";
import { expect, expectEqual } from "../mismatch.ts";
import { HARMLESS, type Probe, type ProbeReply } from "../probe.ts";

const ROUTES = ["/gateway", "/mqtt/publish", "/mqtt/subscribe"] as const;

/** One byte more than the default of `MAX_BODY_BYTES`. */
const TOO_LARGE = 2 ** 20 + 1;

/** Size of the chunks of a body without a length, in bytes. */
const CHUNK_BYTES = 2 ** 16;

/** Checks of paths, methods, sizes and types. */
export const TRANSPORT: Subject = {
  name: "Transport",
  checks: [
    {
      name: "health has status and version, and nothing else",
      rule: '`GET /health` needs no key: `{"status":"ok","version":"…"}`',
      versions: [],
      async run(probe) {
        const { status, text } = await probe.send("/health", () => ({ method: "GET" }));
        expectEqual("HTTP status", { seen: status, expected: 200 });
        const health = parseFields(text, "Body");
        expectEqual("fields", { seen: Object.keys(health).sort(), expected: ["status", "version"] });
        expectEqual("status", { seen: health["status"], expected: "ok" });
        expectEqual("type of version", { seen: typeof health["version"], expected: "string" });
      },
    },
    {
      name: "health answers HEAD",
      rule: "`HEAD` works too",
      versions: [],
      async run(probe) {
        const { status, text } = await probe.send("/health", () => ({ method: "HEAD" }));
        expectEqual("HTTP status and body", { seen: [status, text], expected: [200, ""] });
      },
    },
    {
      name: "unknown path",
      rule: '404 `{"error":"Not found"}`; paths are exact',
      versions: [],
      async run(probe) {
        for (const path of ["/conformance", "/gateway/", "/Gateway"]) {
          expectPlain(await probe.send(path, () => ({ method: "POST", body: "" })), 404, { error: "Not found" });
        }
      },
    },
    {
      name: "slashes before a path",
      rule: "Several leading slashes count as one: clients append a route to an address that ends with one",
      versions: [],
      async run(probe) {
        expectEqual("HTTP status", {
          seen: (await probe.send("//health", () => ({ method: "GET" }))).status,
          expected: 200,
        });
        const { status } = await probe.send("///gateway", () => ({ method: "POST", body: "" }));
        expectEqual("HTTP status", { seen: status, expected: 401 });
      },
    },
    {
      name: "wrong method",
      rule: '405 `{"error":"Method not allowed"}`; `Allow` lists the right ones',
      versions: [],
      async run(probe) {
        for (const path of ROUTES) {
          const reply = await probe.send(path, () => ({ method: "GET" }));
          expectPlain(reply, 405, { error: "Method not allowed" });
          expectEqual(`Allow of ${path}`, { seen: reply.headers.get("Allow"), expected: "POST" });
        }
        const reply = await probe.send("/health", () => ({ method: "POST", body: "" }));
        expectPlain(reply, 405, { error: "Method not allowed" });
        const allowed = reply.headers.get("Allow")?.split(/, */) ?? [];
        expect(allowed.includes("GET"), `Allow of /health does not list GET: ${allowed.join(", ")}`);
      },
    },
    {
      name: "too large by its length",
      rule: "413 `Request body too large`, by its `Content-Length`",
      versions: [],
      async run(probe) {
        const body = "A".repeat(TOO_LARGE);
        for (const path of ROUTES) expectTooLarge(await probe.send(path, () => ({ method: "POST", body })));
      },
    },
    {
      name: "too large by its bytes",
      rule: "413 `Request body too large`, as soon as the bytes pass the limit",
      versions: [],
      async run(probe) {
        expectTooLarge(await probe.send("/gateway", () => ({ method: "POST", body: chunkedBody(TOO_LARGE) })));
      },
    },
    {
      name: "type of an answer",
      rule: "HTTP 200, `application/octet-stream`, one envelope on one line",
      versions: BOTH,
      async run(probe) {
        const { reply } = await probe.ask("/gateway", HARMLESS);
        expectEqual("Content-Type", {
          seen: reply.headers.get("Content-Type")?.split(";")[0],
          expected: "application/octet-stream",
        });
        expect(!/\s/.test(reply.text), "White space in the envelope");
      },
    },
    {
      name: "type of a request",
      rule: "The content type is not checked",
      versions: BOTH,
      run: async (probe) => await expectAnyType(probe, ["text/plain", "application/json", "image/png"]),
    },
  ],
};

async function expectAnyType(probe: Probe, types: readonly string[]): Promise<void> {
  for (const type of types) {
    const request = await probe.seal("/gateway", HARMLESS);
    await probe.open(request, await probe.post("/gateway", request.text, { "Content-Type": type }));
  }
}

function expectPlain({ status, text }: ProbeReply, expected: number, body: { readonly error: string }): void {
  expectEqual("HTTP status", { seen: status, expected });
  expectEqual("body", { seen: parseFields(text, "Body"), expected: body });
}

function expectTooLarge(reply: ProbeReply): void {
  expectPlain(reply, 413, { error: "Request body too large" });
}

/** Returns a body without a length. */
function chunkedBody(length: number): ReadableStream<Uint8Array> {
  let rest = length;
  return new ReadableStream({
    pull(controller) {
      const chunk = new Uint8Array(Math.min(rest, CHUNK_BYTES)).fill(65);
      rest -= chunk.length;
      controller.enqueue(chunk);
      if (rest === 0) controller.close();
    },
  });
}
