import { assert, assertEquals, assertThrows } from "@std/assert";
import { RedisUrl } from "../../src/net/redis_url.ts";

const servers = (text: string) => {
  const { topology: { hosts, kind }, hasTls, database } = new RedisUrl(text);
  return [kind, hasTls, hosts.map(({ host, port }) => `${host} ${port}`).join(), database];
};

Deno.test("RedisUrl names a server, sentinels with their primary, or nodes of a cluster, with the usual ports", () => {
  assertEquals(servers("redis://127.0.0.1"), ["server", false, "127.0.0.1 6379", undefined]);
  assertEquals(servers("rediss://ann:x@host.lan:7000/2"), ["server", true, "host.lan 7000", 2]);
  assertEquals(servers("redis://[::1]:7000/"), ["server", false, "::1 7000", undefined]);
  assertEquals(servers("redis+sentinel://a,b:7,[::1]/home"), ["sentinel", false, "a 26379,b 7,::1 26379", undefined]);
  assertEquals(servers("rediss+sentinel://:x@a/home/3"), ["sentinel", true, "a 26379", 3]);
  assertEquals(servers("REDIS+CLUSTER://a,b:7"), ["cluster", false, "a 6379,b 7", undefined]);
  assertEquals(servers("rediss+cluster://a/0"), ["cluster", true, "a 6379", undefined]);
  const { topology } = new RedisUrl("redis+sentinel://a/home-1");
  assertEquals(topology.kind === "sentinel" && topology.primary, "home-1");
});

Deno.test("RedisUrl decodes user and password, and lists what is secret", () => {
  const { username, password, secrets } = new RedisUrl("redis://ann:p%40ss:word@host");
  assertEquals([username, password], ["ann", "p@ss:word"]);
  assertEquals(secrets, ["redis://ann:p%40ss:word@host", "p%40ss:word", "p@ss:word"]);
  assertEquals(new RedisUrl("redis://:p@ss@host").password, "p@ss");
  const none = new RedisUrl("redis://host");
  assertEquals([none.username, none.password], [undefined, undefined]);
});

Deno.test("RedisUrl refuses other texts, says why, and quotes nothing", () => {
  const address = "must be an address such as redis://127.0.0.1:6379";
  const wrong: Readonly<Record<string, string>> = {
    "http://hunter2@host": address,
    "hunter2": address,
    "redis://hunter2:x@": address,
    "redis://hunter2@host:0": "must have ports from 1 to 65535",
    "redis+cluster://hunter2@host,other:70000": "must have ports from 1 to 65535",
    "redis://hunter2@ho st": address,
    "redis://hunter2@[host]": address,
    "redis://hunter2@host/1/2": address,
    "redis+other://hunter2@host": address,
    "redis+cluster://hunter2@a,,b": address,
    "redis://hunter2@a,b": "must begin with redis+sentinel:// or redis+cluster://",
    "redis://hunter2@host/number": "must end with the number of a database",
    "redis+sentinel://hunter2@a": "must have the name of the primary",
    "redis+sentinel://hunter2@a/%1b[2J": "must have the name of the primary",
    "redis+sentinel://hunter2@a/home/1/2": "must have the name of the primary",
    "redis+cluster://hunter2@a/1": "must have no database",
    "redis://:hunter2%zz@host": "must have user and password in percent encoding",
    "redis://:hunter2#@host": "must have no query",
    "redis://ann:hunter2/x@host": "must have no query, and no / ? # in user and password",
    "redis://host?password=hunter2": "must have no query",
  };
  for (const [text, reason] of Object.entries(wrong)) {
    const { message } = assertThrows(() => new RedisUrl(text), TypeError);
    assert(message.startsWith(reason), `${text}: ${message}`);
    assert(!message.includes("hunter2"), text);
  }
});
