import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseHostPattern } from "../../src/net/egress.ts";
import { BROWSER_PUSH_HOSTS, parseEndpoint, resolvedAddressFault } from "../../src/push/endpoint.ts";

const allowed = (...hosts: string[]) => [...BROWSER_PUSH_HOSTS, ...hosts.map(parseHostPattern)];

Deno.test("parseEndpoint() accepts the push services of the browsers", () => {
  for (
    const text of [
      "https://fcm.googleapis.com/fcm/send/dQw4w9WgXcQ:APA91b_-",
      "https://fcm.googleapis.com:443/wp/abc",
      "https://FCM.googleapis.com/wp/abc",
      "https://updates.push.services.mozilla.com/wpush/v2/gAAAAAB",
      "https://web.push.apple.com/QGx",
      "https://wns2-par02p.notify.windows.com/w/?token=BQYAAA%2b%3d",
    ]
  ) {
    assertEquals(parseEndpoint(text, BROWSER_PUSH_HOSTS).href, new URL(text).href);
  }
});

/** Endpoints that reach for another server, or have more than one reading. */
const HOSTILE = [
  "http://fcm.googleapis.com/wp/abc",
  "https://fcm.googleapis.com:8443/wp/abc",
  "https://fcm.googleapis.com:80/",
  "https://user@fcm.googleapis.com/",
  "https://user:password@fcm.googleapis.com/",
  "https://fcm.googleapis.com@evil.example.com/",
  "https://fcm.googleapis.com\\@evil.example.com/",
  "https://fcm.googleapis.com:443@evil.example.com/",
  "https://fcm.googleapis.com%2f@evil.example.com/",
  "https://fcm.googleapis.com%00.evil.example.com/",
  "https://evil.example.com?https://fcm.googleapis.com/",
  "https://fcm.googleapis.com:65536/",
  "https://fcm.googleapis.com:-1/",
  "https://fcm.googleapis.com../",
  "https://.fcm.googleapis.com/",
  "https://*.push.apple.com/",
  "https://[fe80::1%25eth0]/",
  "https://[::1%25lo]/",
  "https:\\\\fcm.googleapis.com/",
  "https:/fcm.googleapis.com/",
  "//fcm.googleapis.com/",
  "https://fcm.googleapis.com/#fragment",
  "https://fcm.googleapis.com/#",
  "https://fcm.googleapis.com./",
  "https://fcm.googleapis.com.evil.example.com/",
  "https://evil-fcm.googleapis.com/",
  "https://evilnotify.windows.com/",
  "https://notify.windows.com/",
  "https://push.apple.com.evil.com/",
  " https://fcm.googleapis.com/",
  "https://fcm.googleapis.com/\n",
  "https://fcm.googleapis.com/a b",
  "https://fcm.googleapis.com/é",
  "https://ｆcm.googleapis.com/",
  "https://fcm。googleapis.com/",
  "javascript:alert(1)",
  "file:///etc/passwd",
  "https://",
  "",
  `https://fcm.googleapis.com/${"a".repeat(2048)}`,
];

/** Addresses and names inside, in the spellings that parsers of URLs know. */
const INSIDE = [
  "https://localhost/",
  "https://127.0.0.1/",
  "https://2130706433/",
  "https://0x7f.1/",
  "https://017700000001/",
  "https://[::1]/",
  "https://[::ffff:127.0.0.1]/",
  "https://192.168.1.20/",
  "https://10.0.0.1/",
  "https://8.8.8.8/",
  "https://[2001:4860:4860::8888]/",
  "https://[fd00::1]/",
  "https://ntfy.lan/",
  "https://ntfy.local/",
  "https://metadata.google.internal/",
  "https://router/",
  "https://nas.home.arpa/",
];

/** Addresses that nothing allows. */
const NEVER = [
  "https://169.254.169.254/latest/meta-data",
  "https://[fe80::1]/",
  "https://[::ffff:169.254.169.254]/",
  "https://[64:ff9b::a9fe:a9fe]/",
  "https://100.100.100.200/",
  "https://0.0.0.0/",
  "https://[::]/",
  "https://224.0.0.1/",
];

Deno.test("parseEndpoint() refuses hosts that are not allowed, and every other form of a URL", () => {
  for (const text of [...HOSTILE, ...INSIDE, ...NEVER]) {
    assertThrows(() => parseEndpoint(text, BROWSER_PUSH_HOSTS), TypeError, "must", text);
  }
});

Deno.test("parseEndpoint() refuses addresses and private names that * alone allows", () => {
  assertEquals(parseEndpoint("https://ntfy.sh/up?up=1", allowed("*")).host, "ntfy.sh");
  for (const text of [...INSIDE, ...NEVER]) {
    assertThrows(() => parseEndpoint(text, allowed("*", "*:8443")), TypeError, "must", text);
  }
});

Deno.test("parseEndpoint() accepts private hosts that are named, and never link-local or metadata addresses", () => {
  const named = allowed("localhost", "127.0.0.1", "192.168.0.0/16", "*.lan", "[::1]", "router");
  for (const host of ["localhost", "127.0.0.1", "192.168.1.20", "ntfy.lan", "[::1]", "router"]) {
    assertEquals(parseEndpoint(`https://${host}/up`, named).host, host);
  }
  const all = allowed("0.0.0.0/0", "[::/0]", "169.254.169.254", "*");
  for (const text of NEVER) assertThrows(() => parseEndpoint(text, all), TypeError, "must be another address", text);
});

Deno.test("parseEndpoint() accepts a port other than 443 where it is named with its host", () => {
  const named = allowed("ntfy.home.net:8443", "push.home.net");
  assertEquals(parseEndpoint("https://ntfy.home.net:8443/up", named).port, "8443");
  for (const text of ["https://ntfy.home.net/up", "https://ntfy.home.net:8444/", "https://push.home.net:8443/"]) {
    assertThrows(() => parseEndpoint(text, named), TypeError, "PUSH_ALLOWED_HOSTS", text);
  }
});

Deno.test("parseEndpoint() knows an international name by its ASCII form, in any case, without a dot at its end", () => {
  const named = allowed("xn--bcher-kva.home.net");
  for (const host of ["xn--bcher-kva.home.net", "XN--BCHER-KVA.Home.NET", "xn--bcher-kva%2ehome.net"]) {
    assertEquals(parseEndpoint(`https://${host}/up`, named).href, "https://xn--bcher-kva.home.net/up");
  }
  for (const host of ["bücher.home.net", "xn--bcher-kva.home.net.", "xn--bcher-kva.home.net.evil.net"]) {
    assertThrows(() => parseEndpoint(`https://${host}/up`, named), TypeError, "must", host);
  }
});

Deno.test("parseEndpoint() never accepts a host that it was not given", () => {
  const parts = fc.array(
    fc.constantFrom(
      ...["https://", "http://", "fcm.googleapis.com", "evil.example.com", "@", "\\", "/", ":", ".", "#", "?", "%2e"],
      ...["127.0.0.1", "[::1]", "web.push.apple.com", "443", "a", " ", "\t", "\n", "localhost", "。", "xn--"],
    ),
    { minLength: 1, maxLength: 8 },
  ).map((list) => list.join(""));
  const texts = fc.oneof(parts, parts.map((text) => `https://${text}`), fc.string());
  const hosts = /^(fcm\.googleapis\.com|[\w.-]+\.push\.(services\.mozilla|apple)\.com|[\w.-]+\.notify\.windows\.com)$/;
  fc.assert(
    fc.property(texts, (text) => {
      let url: URL;
      try {
        url = parseEndpoint(text, BROWSER_PUSH_HOSTS);
      } catch (error) {
        return assert(error instanceof TypeError, String(error));
      }
      assert(hosts.test(url.host), url.href);
      assertEquals([url.protocol, url.username, url.password, url.hash], ["https:", "", "", ""]);
    }),
    { numRuns: 500 },
  );
});

Deno.test("resolvedAddressFault() keeps names of the public network out of private ones, unless they are named", () => {
  const endpoint = new URL("https://ntfy.home.net/up");
  const [none, any, named] = [[], allowed("*"), allowed("ntfy.home.net:8443")];
  for (
    const address of [
      "127.0.0.1",
      "::1",
      "10.1.2.3",
      "192.168.1.1",
      "100.64.0.1",
      "fd00::1",
      "::ffff:10.0.0.1",
      "64:ff9b::a00:1",
    ]
  ) {
    for (const list of [none, any]) {
      assertEquals(resolvedAddressFault(address, endpoint, list), "is not an address of the public network", address);
    }
    assertEquals(resolvedAddressFault(address, endpoint, named), undefined, address);
  }
  for (const address of ["169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "ntfy.home.net"]) {
    for (const list of [none, any, named]) assert(resolvedAddressFault(address, endpoint, list), address);
  }
  for (const address of ["142.250.0.1", "2a00:1450:4001::1", "64:ff9b::8efa:1"]) {
    assertEquals(resolvedAddressFault(address, endpoint, none), undefined, address);
  }
});
