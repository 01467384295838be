import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  AlreadyPairedError,
  FailedError,
  PairingCodeError,
  RateLimitError,
  RefusedError,
  RequestTimeoutError,
  TamperedError,
  UnavailableError,
  UnreachableError,
} from "@e2e-gateway/client";
import { deviceLabel } from "../../../src/console/pairing/device_label.ts";
import { faultOf, pairDevice, PairingError, type PairingOptions } from "../../../src/console/pairing/pair_device.ts";
import { fetchOf } from "../../support/fake_gateway.ts";
import { CODE, paired, PAIRING_SECRET } from "../../support/fake_pairing.ts";

const LINK = `https://home.example/#pair=${CODE}`;

/** Options of a page whose gateway pairs. */
function fakeGateway() {
  const { fetch, requests } = fetchOf([paired()], PAIRING_SECRET);
  const checkKeys = () => Promise.resolve();
  const options = { label: "test", homes: [], mayConnect: () => true, checkKeys, fetch, now: () => 0 };
  return { options, requests };
}

/** Pairs with a gateway that takes no more requests; returns the fault and the number of requests. */
async function pairing(link: string, changed: Partial<PairingOptions> = {}) {
  let requests = 0;
  const { fault } = await assertRejects(
    () =>
      pairDevice(link, {
        label: "test",
        homes: [],
        mayConnect: () => true,
        checkKeys: () => Promise.resolve(),
        fetch: () => {
          requests += 1;
          return Promise.resolve(Response.json({ error: "Too many requests" }, { status: 429 }));
        },
        now: () => 0,
        ...changed,
      }),
    PairingError,
  );
  return { fault, requests };
}

Deno.test("pairDevice() sends nothing for a text that is no link, a foreign gateway, or a browser without storage", async () => {
  assertEquals(await pairing("https://home.example/"), { fault: "not_a_link", requests: 0 });
  assertEquals(await pairing(LINK, { mayConnect: () => false }), { fault: "other_gateway", requests: 0 });
  const checkKeys = () => Promise.reject(new Error("private window"));
  assertEquals(await pairing(LINK, { checkKeys }), { fault: "storage", requests: 0 });
});

Deno.test("pairDevice() tells why the gateway refuses, also for a link with space around it", async () => {
  assertEquals(await pairing(` ${LINK}\n`), { fault: "too_many", requests: 1 });
});

Deno.test("pairDevice() returns the home that the link was used for, and sends nothing; not for another gateway or code", async () => {
  const fakes = fakeGateway();
  const home = await pairDevice(LINK, fakes.options);
  assertEquals([home.base, home.name, fakes.requests.length], ["https://home.example", "phone", 1]);
  await assertRejects(() => crypto.subtle.exportKey("raw", home.key));
  assert(!JSON.stringify(home).includes(CODE));
  const checkKeys = () => Promise.reject(new Error("private window"));
  assertStrictEquals(await pairDevice(` ${LINK}`, { ...fakes.options, homes: [home], checkKeys }), home);
  assertEquals(fakes.requests.length, 1);
  for (const other of ["https://home.example/#pair=BBECAwQFBgcICQoLDA0ODw", `https://other.example/#pair=${CODE}`]) {
    assertEquals(await pairing(other, { homes: [home] }), { fault: "too_many", requests: 1 });
  }
});

Deno.test("faultOf() tells apart what can be done about a failure", () => {
  const faults = [
    new PairingCodeError("x"),
    new AlreadyPairedError("x"),
    new UnreachableError("x"),
    new RequestTimeoutError("x"),
    new UnavailableError("x"),
    new FailedError("x"),
    new RateLimitError("x"),
    new TamperedError("x"),
    new RefusedError("x", { status: 404 }),
    new RefusedError("x", { status: 400 }),
    new Error("x"),
  ].map(faultOf);
  assertEquals(faults, [
    "code_refused",
    "already_paired",
    "unreachable",
    "unreachable",
    "gateway",
    "gateway",
    "too_many",
    "tampered",
    "no_pairing",
    "failed",
    "failed",
  ]);
});

Deno.test("deviceLabel() names browser and system", () => {
  const chrome = "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36";
  const safari =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19 Mobile Safari/604.1";
  assertEquals(deviceLabel(chrome), "Chrome, Android");
  assertEquals(deviceLabel(`${chrome} Edg/140.0`), "Edge, Android");
  assertEquals(deviceLabel(safari), "Safari, iPhone");
  assertEquals(deviceLabel(""), "Browser");
});
