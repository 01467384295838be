import { assertEquals, assertRejects } from "@std/assert";
import { ServiceError } from "../../../src/services/service.ts";
import { makeHttpService, startHttpServer } from "../../support/http_service.ts";

/** Returns the message of the refusal of a URL; undefined if it reaches a server. */
async function refusal(home: ReturnType<typeof makeHttpService>, url: string): Promise<string | undefined> {
  return await home.call({ url, method: "GET" }).then(() => undefined, (error: Error) => error.message);
}

/** Answers every request, and records its URL with the header `Host`. */
function recorder() {
  const sent: string[] = [];
  const send: typeof fetch = (input, init) => {
    const host = new Headers(init?.headers).get("Host");
    sent.push(host === null ? String(input) : `${input} for ${host}`);
    return Promise.resolve(new Response("ok"));
  };
  return { sent, send };
}

Deno.test("handle() refuses this machine, link-local and metadata addresses under *", async () => {
  const { sent, send } = recorder();
  await using home = makeHttpService({ allowed: ["*"], fetch: send });
  const refused = [
    ...[
      "127.0.0.1",
      "127.9.9.9",
      "[::1]",
      "[::ffff:127.0.0.1]",
      "0.0.0.0",
      "[::]",
      "2130706433",
      "0x7f.1",
      "017700000001",
    ],
    ...["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]"],
    ...["100.100.100.200", "[fd00:ec2::254]", "224.0.0.1", "255.255.255.255"],
  ];
  for (const host of refused) {
    const message = await refusal(home, `http://${host}/`);
    assertEquals(message?.startsWith("Address not allowed: "), true, `${host} ${message}`);
  }
  assertEquals(sent, []);
  assertEquals(await refusal(home, "http://192.168.1.20:5000/x"), undefined);
  assertEquals(sent, ["http://192.168.1.20:5000/x"]);
});

Deno.test("handle() refuses a name if one of its addresses is refused", async () => {
  const { sent, send } = recorder();
  const bad = ["127.0.0.1", "::1", "169.254.169.254", "fe80::1", "::ffff:127.0.0.1", "0.0.0.0"];
  for (const address of bad) {
    await using home = makeHttpService({
      allowed: ["*"],
      fetch: send,
      lookup: () => Promise.resolve(["192.168.1.20", address]),
    });
    for (const scheme of ["http", "https"]) {
      const message = await refusal(home, `${scheme}://evil.example/`);
      assertEquals(message?.startsWith("Address not allowed: evil.example leads to an address that is"), true, message);
    }
  }
  assertEquals(sent, []);
});

Deno.test("handle() resolves a name once, and connects to the address that it checked", async () => {
  await using server = startHttpServer();
  const lookups: string[] = [];
  const answers = [["192.0.2.1"], ["127.0.0.1"]];
  const { sent, send } = recorder();
  await using home = makeHttpService({
    allowed: ["http://rebinding.example:*", "https://rebinding.example"],
    fetch: send,
    lookup: (host) => {
      lookups.push(host);
      return Promise.resolve(answers[lookups.length - 1] ?? []);
    },
  });
  assertEquals(await refusal(home, `http://rebinding.example:${server.port}/x`), undefined);
  assertEquals([lookups, sent], [
    ["rebinding.example"],
    [`http://192.0.2.1:${server.port}/x for rebinding.example:${server.port}`],
  ]);
  // The second answer of the name server is checked like the first.
  assertEquals(
    await refusal(home, `http://rebinding.example:${server.port}/x`),
    `Address not allowed: rebinding.example:${server.port} leads to an address that is a loopback address`,
  );
  assertEquals([sent.length, server.seen.length], [1, 0]);
});

Deno.test("handle() reaches loopback only where an entry names it", async () => {
  await using server = startHttpServer();
  await using home = makeHttpService({
    allowed: [`http://localhost:${server.port}`, `http://cam.example:${server.port}`, "0.0.0.0/0"],
    lookup: () => Promise.resolve(["127.0.0.1"]),
  });
  assertEquals(await refusal(home, `http://localhost:${server.port}/x`), undefined);
  assertEquals(
    await refusal(home, `http://cam.example:${server.port}/x`),
    `Address not allowed: cam.example:${server.port} leads to an address that is a loopback address`,
  );
  assertEquals(
    await refusal(home, `http://127.0.0.1:${server.port}/x`),
    `Address not allowed: 127.0.0.1:${server.port} is a loopback address`,
  );
  assertEquals(server.seen.length, 1);
});

Deno.test("handle() reaches a port of the gateway at loopback only where an entry names the port", async () => {
  const { sent, send } = recorder();
  const ask = async (entry: string, port = 9464) => {
    await using home = makeHttpService({ allowed: [entry], fetch: send, ownPorts: [{ host: "0.0.0.0", port }] });
    const hosts = ["127.0.0.1:9465", "127.0.0.1:9464"];
    return await Promise.all(hosts.map(async (host) => (await refusal(home, `http://${host}/x`))?.slice(0, 20)));
  };
  for (const entry of ["127.0.0.1", "http://127.0.0.0/8:*"]) {
    assertEquals(await ask(entry), [undefined, "Address not allowed:"], entry);
  }
  assertEquals((await ask("http://127.0.0.1:9464"))[1], undefined);
  // The system chooses the port.
  assertEquals(await ask("127.0.0.1", 0), ["Address not allowed:", "Address not allowed:"]);
  assertEquals(sent.length, 3);
});

Deno.test("handle() prefers IPv4, and connects by name with HTTPS", async () => {
  const { sent, send } = recorder();
  await using home = makeHttpService({
    allowed: ["*"],
    fetch: send,
    lookup: () => Promise.resolve(["fd00::1", "192.168.1.2"]),
  });
  await refusal(home, "http://nas.lan/a");
  await refusal(home, "https://nas.lan/a");
  assertEquals(sent, ["http://192.168.1.2/a for nas.lan", "https://nas.lan/a"]);
  await using v6 = makeHttpService({ allowed: ["*"], fetch: send, lookup: () => Promise.resolve(["fd00::1"]) });
  await refusal(v6, "http://nas.lan:81/a");
  assertEquals(sent.at(-1), "http://[fd00::1]:81/a for nas.lan:81");
});

Deno.test("handle() says that a name is not found, and ends a lookup at the time limit", async () => {
  await using home = makeHttpService({ allowed: ["*"], lookup: () => Promise.reject(new Error("ENOTFOUND secret")) });
  const error = await assertRejects(() => home.call({ url: "http://nas.lan/" }), ServiceError);
  assertEquals([error.status, error.code, error.message], [
    502,
    "service_unreachable",
    "nas.lan is not found: there is no such name",
  ]);
  await using none = makeHttpService({ allowed: ["*"], lookup: () => Promise.resolve([]) });
  assertEquals(await refusal(none, "http://nas.lan/"), "nas.lan is not found: there is no such name");
  await using slow = makeHttpService({ allowed: ["*"], lookup: () => new Promise(() => {}), timeoutMs: 20 });
  const late = await assertRejects(() => slow.call({ url: "http://nas.lan/" }), ServiceError);
  assertEquals([late.status, late.code], [504, "service_timeout"]);
});

Deno.test("handle() says that a lookup which the sandbox denies needs a restart", async () => {
  await using home = makeHttpService({
    targets: { a: { url: "http://nas.lan:9000", paths: ["/**"] } },
    ownPorts: [{ host: "0.0.0.0", port: 9000 }],
    lookup: () => Promise.reject(new Deno.errors.NotCapable("Requires net access")),
  });
  await assertRejects(() => home.call({ target: "a", path: "/x" }), ServiceError, "needs a restart");
});

Deno.test("handle() refuses the gateway's own ports, unless a target or an entry names them", async () => {
  const { sent, send } = recorder();
  const ownPorts = [{ host: "192.168.1.5", port: 10_000 }, { host: "127.0.0.1", port: 9464 }];
  await using home = makeHttpService({
    ownPorts,
    fetch: send,
    allowed: ["10.0.0.0/8", "192.168.0.0/16", "self.lan", "127.0.0.1:9464"],
    lookup: (host) => Promise.resolve(host === "self.lan" ? ["192.168.1.5"] : ["192.168.1.6"]),
    targets: {
      named: { url: "http://localhost:9464", paths: ["/**"] },
      self: { url: "http://self.lan:10000", paths: ["/**"] },
      other: { url: "http://other.lan:10000", paths: ["/**"] },
    },
  });
  assertEquals(
    await refusal(home, "http://192.168.1.5:10000/"),
    "Address not allowed: 192.168.1.5:10000 may be the gateway itself, by its port: use a target with the address",
  );
  assertEquals(await refusal(home, "http://192.168.1.5:10001/"), undefined);
  assertEquals(await refusal(home, "http://127.0.0.1:9464/metrics"), undefined);
  const target = (name: string) =>
    home.call({ target: name, path: "/x" }).then(() => undefined, (error: Error) => error.message);
  assertEquals(await target("named"), undefined);
  assertEquals(
    await target("self"),
    "Address not allowed: self.lan:10000 leads to an address that may be the gateway itself, by its port: use a target with the address",
  );
  assertEquals(await target("other"), undefined);
  assertEquals(sent.length, 4);
});

Deno.test("handle() lets a network allow addresses, and no name that leads to one", async () => {
  const { sent, send } = recorder();
  await using home = makeHttpService({
    allowed: ["10.0.0.0/8"],
    fetch: send,
    lookup: () => Promise.resolve(["10.0.0.1"]),
  });
  assertEquals(await refusal(home, "http://10.0.0.1/"), undefined);
  assertEquals(await refusal(home, "http://ten.lan/"), "This key may not request http://ten.lan or this path there");
  assertEquals(sent.length, 1);
});

Deno.test("handle() refuses an own port at every address, where the sandbox hides those of this machine", async () => {
  const { sent, send } = recorder();
  const ask = async (interfaces: readonly string[], url: string) => {
    await using home = makeHttpService({
      allowed: ["*"],
      fetch: send,
      ownPorts: [{ host: "0.0.0.0", port: 10_000 }],
      interfaces,
    });
    return (await refusal(home, url))?.slice(0, 20);
  };
  assertEquals(await ask([], "http://192.168.1.6:10000/"), "Address not allowed:");
  assertEquals(await ask(["192.168.1.5"], "http://192.168.1.5:10000/"), "Address not allowed:");
  assertEquals(await ask(["192.168.1.5"], "http://192.168.1.6:10000/"), undefined);
  assertEquals(await ask([], "http://192.168.1.6:10001/"), undefined);
  assertEquals(sent.length, 2);
});
