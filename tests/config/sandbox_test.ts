import { assert, assertEquals } from "@std/assert";
import { SERVICES } from "../../src/services/registry.ts";
import { echo } from "../support/echo_service/echo.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { CONSOLE_FOLDER } from "../../src/config/console_folder.ts";
import { minimalFlags, permissionFlags } from "../../src/config/sandbox.ts";

function flag(name: string, variables: Record<string, string>): string | undefined {
  return permissionFlags(parseConfig(variables)).find((text) => text.startsWith(`--${name}`));
}

/** Targets of the browsers' push services. */
const PUSH = "fcm.googleapis.com,*.push.services.mozilla.com,*.push.apple.com,*.notify.windows.com";

Deno.test("permissionFlags() allows the network of the default configuration and no more", () => {
  assertEquals(flag("allow-net", {}), `--allow-net=0.0.0.0:10000,127.0.0.1:9464,localhost:80,127.0.0.1,${PUSH}`);
});

Deno.test("permissionFlags() allows the configured broker and Jeedom by host and port", () => {
  const net = flag("allow-net", { MQTT_BROKER_HOST: "broker", JEEDOM_URL: "https://jeedom.lan/sub", PORT: "9000" });
  assertEquals(net, `--allow-net=0.0.0.0:9000,127.0.0.1:9464,jeedom.lan:443,broker:1883,${PUSH}`);
});

Deno.test("permissionFlags() adds the allowed brokers, also by IPv6 address", () => {
  const net = flag("allow-net", {
    MQTT_BROKER_HOST: "::1",
    MQTT_ALLOWED_BROKERS: "a,b:8883 *.lan [fe80::2]:1",
    PUSH: "off",
  });
  assertEquals(net, "--allow-net=0.0.0.0:10000,127.0.0.1:9464,localhost:80,[::1]:1883,a,b:8883,*.lan,[fe80::2]:1");
});

Deno.test("permissionFlags() adds a network of IPv4 and Redis", () => {
  const net = flag("allow-net", {
    MQTT_ALLOWED_BROKERS: "10.0.0.0/8:1883",
    REDIS_URL: "redis://:secret@[::1]",
    PUSH: "off",
  });
  assertEquals(net, "--allow-net=0.0.0.0:10000,127.0.0.1:9464,localhost:80,127.0.0.1,10.0.0.0/8:1883,[::1]:6379");
});

Deno.test("permissionFlags() allows any port of the hosts of sentinels and clusters, and the servers that they may announce", () => {
  const net = (REDIS_URL: string, REDIS_NODES = "") =>
    flag("allow-net", { REDIS_URL, REDIS_NODES, PUSH: "off" })?.replace(/.*localhost:80,127\.0\.0\.1,?/, "");
  assertEquals(net("redis+sentinel://:secret@a,b:1/main"), "a,b");
  assertEquals(net("rediss+cluster://a:7000,[::1]", "10.0.0.0/8 *.lan:6379"), "a,[::1],10.0.0.0/8,*.lan:6379");
  assertEquals(net("redis+cluster://a", "[fd00::/8]"), "--allow-net");
});

Deno.test("permissionFlags() allows former names of settings", () => {
  assertEquals(flag("allow-env", {})?.split(",").includes("REPLAY_REDIS_URL"), true);
});

Deno.test("permissionFlags() allows push services by name with any port, which resolving it needs, and by address with one", () => {
  const net = flag("allow-net", { PUSH_ALLOWED_HOSTS: "ntfy.lan:8443 *.example.org 10.0.0.9 192.168.0.0/16:8443" });
  assertEquals(
    net,
    "--allow-net=0.0.0.0:10000,127.0.0.1:9464,localhost:80,127.0.0.1," +
      `${PUSH},ntfy.lan,*.example.org,10.0.0.9:443,192.168.0.0/16:8443`,
  );
});

Deno.test("permissionFlags() allows no push service with PUSH=off", () => {
  const net = flag("allow-net", { PUSH: "off", PUSH_ALLOWED_HOSTS: "*" });
  assertEquals(net, "--allow-net=0.0.0.0:10000,127.0.0.1:9464,localhost:80,127.0.0.1");
});

Deno.test("permissionFlags() opens the whole network only for the pattern of any host", () => {
  assertEquals(flag("allow-net", { MQTT_ALLOWED_BROKERS: "*" }), "--allow-net");
  assertEquals(flag("allow-net", { MQTT_ALLOWED_BROKERS: "*:1883" }), "--allow-net");
  assertEquals(flag("allow-net", { MQTT_ALLOWED_BROKERS: "[fd00::/8]:1883" }), "--allow-net");
  assertEquals(flag("allow-net", { PUSH_ALLOWED_HOSTS: "*" }), "--allow-net");
  assertEquals(flag("allow-net", { PUSH_ALLOWED_HOSTS: "[fd00::/8]" }), "--allow-net");
});

Deno.test("permissionFlags() allows the key's directory and the named files", () => {
  const variables = { SECRET_KEY_FILE: "keys/k.txt", TLS_CERT_FILE: "c.pem", TLS_KEY_FILE: "k.pem" };
  assertEquals(
    flag("allow-read", variables),
    `--allow-read=.env,keys,data/keys.json,c.pem,k.pem,services.yaml,data/keys.json.lock,data/keys.json.tmp,${CONSOLE_FOLDER}`,
  );
  assertEquals(
    flag("allow-write", variables),
    "--allow-write=keys,data/keys.json,data/keys.json.lock,data/keys.json.tmp,services.yaml",
  );
  const readOnly = { ...variables, KEY_FILE_MODE: "ignore" };
  assertEquals(
    flag("allow-write", readOnly),
    "--allow-write=keys,data/keys.json,data/keys.json.lock,data/keys.json.tmp",
    "the mode of the services file need not change",
  );
  const authority = { JEEDOM_URL: "https://jeedom", JEEDOM_CA_FILE: "jeedom.pem" };
  assertEquals(
    flag("allow-read", authority),
    `--allow-read=.env,data,data/keys.json,services.yaml,jeedom.pem,${CONSOLE_FOLDER}`,
  );
});

Deno.test("permissionFlags() allows the files of the page, unless it is off", () => {
  assertEquals(flag("allow-read", {}), `--allow-read=.env,data,data/keys.json,services.yaml,${CONSOLE_FOLDER}`);
  assertEquals(flag("allow-read", { CONSOLE: "off" }), "--allow-read=.env,data,data/keys.json,services.yaml");
});

Deno.test("permissionFlags() allows the files for the broker, and the port of its protocol", () => {
  const files = { MQTT_CA_FILE: "ca.pem", MQTT_CERT_FILE: "cert.pem", MQTT_KEY_FILE: "key.pem" };
  const variables = { MQTT_BROKER_HOST: "broker", MQTT_PROTOCOL: "wss", PUSH: "off", ...files };
  assertEquals(
    flag("allow-read", variables),
    `--allow-read=.env,data,data/keys.json,services.yaml,ca.pem,cert.pem,key.pem,${CONSOLE_FOLDER}`,
  );
  assertEquals(flag("allow-net", variables), "--allow-net=0.0.0.0:10000,127.0.0.1:9464,localhost:80,broker:443");
});

Deno.test("permissionFlags() denies link-local and metadata addresses, by name and by number, whatever is allowed", async () => {
  const flags = permissionFlags(parseConfig({ MQTT_ALLOWED_BROKERS: "*" }));
  const code = `for (const hostname of ["169.254.169.254", "fd00:ec2::254", "100.100.100.200"]) {
    try { await Deno.connect({ hostname, port: 9 }); } catch (error) { console.log(error.name); }
  }`;
  const script = await Deno.makeTempFile({ suffix: ".js" });
  await Deno.writeTextFile(script, code);
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["run", "--quiet", ...flags, script] }).output();
  await Deno.remove(script);
  assertEquals(new TextDecoder().decode(stdout), "NotCapable\n".repeat(3));
});

Deno.test("permissionFlags() never asks, runs nothing and loads nothing native", () => {
  const flags = permissionFlags(parseConfig({}));
  assert(flags.includes("--no-prompt"));
  assert(!flags.some((text) => /allow-(run|ffi|sys|all|import)/.test(text)));
});

/** Flags with the echo service, and a services file with this section. */
function flagsWith(section: unknown, variables: readonly string[] = []): string[] {
  const allowRead = () => ["echo.pem", "a b.pem", "c,/etc.pem"];
  return permissionFlags(parseConfig({ SERVICES_FILE: "own.yaml", PUSH: "off" }), undefined, {
    services: [...SERVICES, { ...echo, allowRead }],
    sections: { echo: section },
    variables,
  });
}

Deno.test("permissionFlags() allows the services file, and the servers, files and variables that it names", () => {
  const flags = flagsWith({ servers: ["echo.lan:8"] }, ["ECHO_TOKEN", "PORT"]);
  const find = (name: string) => flags.find((text) => text.startsWith(`--${name}=`)) ?? "";
  assert(find("allow-net").endsWith(",echo.example:7,echo.lan:8"), find("allow-net"));
  assertEquals(find("allow-read"), `--allow-read=.env,data,data/keys.json,own.yaml,echo.pem,${CONSOLE_FOLDER}`);
  assertEquals(find("allow-write"), "--allow-write=data,data/keys.json,own.yaml");
  assert(find("allow-env").endsWith(",WATCHDOG_USEC,ECHO_TOKEN"), find("allow-env"));
});

Deno.test("permissionFlags() lets nothing of the services file become a flag of its own", () => {
  const section = { servers: ["a.lan:1"] };
  const services = [{ ...echo, allowNet: () => ["a.lan:1", "b.lan:2 --allow-run", "c.lan,d.lan", ""] }];
  const flags = permissionFlags(parseConfig({ PUSH: "off" }), undefined, { services, sections: { echo: section } });
  assertEquals(
    flags.find((text) => text.startsWith("--allow-net")),
    "--allow-net=0.0.0.0:10000,127.0.0.1:9464,a.lan:1",
  );
  assert(!flags.join(" ").includes("allow-run"));
});

Deno.test("minimalFlags() allows to read files and variables, and nothing else", () => {
  const flags = minimalFlags(SERVICES, ["ECHO_TOKEN"]);
  assertEquals(flags.filter((text) => !text.startsWith("--allow-env=")), [
    "--no-prompt",
    "--allow-read",
    "--ignore-env",
  ]);
  assert(flags.some((text) => text.endsWith(",ECHO_TOKEN")));
});
