/** The doctor as a process with the flags of its task, beside a real gateway, broker and Jeedom with faults. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { JeedomSettings } from "../../src/demo/simulated_jeedom.ts";
import type { Variables } from "../../src/config/rules.ts";
import { until, within } from "../support/deadline.ts";
import { freePort } from "../support/loopback.ts";
import { inTempDir } from "../support/temp_dir.ts";
import { needing } from "../support/needs.ts";
import { MOSQUITTO, startBroker } from "../support/broker.ts";
import { type GatewayProcess, spawnMain, startGatewayProcess } from "../support/gateway_process.ts";
import { type JeedomServer, startJeedom } from "../support/jeedom_server.ts";
import { ProcessOutput } from "../support/process_output.ts";
import { startToxicProxy } from "../support/toxic_proxy.ts";
import project from "../../deno.json" with { type: "json" };

/** JSON output of the doctor. */
interface DoctorReport {
  readonly status: string;
  readonly version: string;
  readonly checks: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly remedy?: string;
  }[];
}

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly report: DoctorReport;
}

/** Healthy gateway, and the settings of its doctor. */
interface DoctorEnvironment {
  readonly gateway: GatewayProcess;
  readonly jeedom: JeedomServer;
  readonly env: Variables;
  /** Runs the doctor with changed settings. */
  runDoctor(changes?: Variables, directory?: string): Promise<Outcome>;
}

/** Flags of the task. */
const FLAGS = [...project.tasks.doctor.command.matchAll(/--(?:no-prompt|allow-\S+|deny-\S+)/g)].map(([flag]) => flag);

const MQTT_PASSWORD = "a password that must stay secret";
const REDIS_PASSWORD = "another-one";
const LOGIN = { MQTT_USERNAME: "house", MQTT_PASSWORD };

async function withSystem(
  test: (environment: DoctorEnvironment) => Promise<void>,
  { settings = {}, jeedomSettings = {} }: {
    readonly settings?: Variables;
    readonly jeedomSettings?: JeedomSettings;
  } = {},
): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const jeedom = startJeedom();
  jeedom.simulated.settings = jeedomSettings;
  cleanup.defer(() => jeedom.stop());
  const broker = await startBroker();
  cleanup.defer(() => broker.stop());
  const [port, metricsPort] = [freePort(), freePort()];
  const proxy = await startToxicProxy(port);
  cleanup.defer(() => proxy.close());
  const env: Variables = {
    HOST: "127.0.0.1",
    PORT: String(port),
    METRICS_PORT: String(metricsPort),
    JEEDOM_URL: jeedom.url,
    JEEDOM_APIKEY: jeedom.apikey,
    MQTT_BROKER_HOST: broker.host,
    MQTT_BROKER_PORT: String(broker.port),
    PUBLIC_URL: `http://127.0.0.1:${proxy.port}`,
    ...settings,
  };
  const gateway = await startGatewayProcess(env);
  cleanup.defer(async () => void await gateway.stop());
  const secrets = [jeedom.apikey, gateway.key, MQTT_PASSWORD, REDIS_PASSWORD];
  await within(
    "the test",
    test({
      gateway,
      jeedom,
      env,
      async runDoctor(changes = {}, directory = gateway.directory) {
        const child = spawnMain(["doctor", "--json"], { directory, env: { ...env, ...changes }, flags: FLAGS });
        const { code, stdout, stderr } = await within("the doctor", child.output(), 60_000);
        const [output = "", faults] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
        assertEquals(faults, "");
        for (const secret of secrets) assert(!output.includes(secret), "A secret was printed");
        return { code, output, report: JSON.parse(output) };
      },
    }),
    150_000,
  );
}

function check({ report }: Outcome, name: string) {
  const found = report.checks.find((one) => one.name === name);
  if (found === undefined) throw new Error(`There is no check "${name}"`);
  return found;
}

Deno.test("doctor reports a healthy gateway as ok, and each fault with its remedy", () =>
  withSystem(async ({ env, runDoctor }) => {
    const healthy = await runDoctor();
    const states = Object.fromEntries(healthy.report.checks.map(({ name, status }) => [name, status]));
    assertEquals(
      states,
      {
        configuration: "ok",
        deno: "ok",
        keys: "ok",
        services_file: "skipped",
        clock: "ok",
        jeedom: "ok",
        broker: "ok",
        "home_assistant": "skipped",
        "home_assistant_clock": "skipped",
        influxdb: "skipped",
        http: "skipped",
        actions: "skipped",
        redis: "skipped",
        gateway: "ok",
        metrics: "ok",
        refusals: "ok",
        push: "ok",
        public_url: "ok",
        tailscale: "skipped",
      },
      healthy.output,
    );
    assertEquals([healthy.code, healthy.report.status, healthy.report.version], [0, "ok", project.version]);
    assertStringIncludes(check(healthy, "public_url").message, "leads to this gateway");
    assertEquals(healthy.report.checks.filter(({ status, remedy }) => status === "ok" && remedy !== undefined), []);

    /** Settings with several faults; each with its message and its remedy. */
    const broken: readonly (readonly [Variables, Readonly<Record<string, readonly [string, RegExp]>>])[] = [
      [{ PORT: "http" }, { configuration: ["PORT must be a whole number", /Fix this/] }],
      [{
        JEEDOM_APIKEY: "not the key of this Jeedom",
        MQTT_BROKER_PORT: String(freePort()),
        REDIS_URL: `redis://:${REDIS_PASSWORD}@127.0.0.1:${freePort()}`,
        METRICS_PORT: env["MQTT_BROKER_PORT"],
        PUBLIC_URL: `http://127.0.0.1:${freePort()}`,
      }, {
        jeedom: ["refuses JEEDOM_APIKEY (error 2)", /Copy the key/],
        broker: ["nothing listens there", /Start the broker/],
        redis: ["ECONNREFUSED", /Start Redis/],
        metrics: ["taken by another program", /METRICS_PORT/],
        public_url: ["nothing listens there", /the tunnel runs/],
      }],
      [{ JEEDOM_URL: `${env["JEEDOM_URL"]}/data` }, {
        jeedom: ["/data answers HTTP 403: the web server forbids that path", /most often there is none/],
      }],
      [{
        JEEDOM_URL: `${env["JEEDOM_URL"]}/elsewhere`,
        MQTT_BROKER_HOST: "no-such-host.invalid",
        PUBLIC_URL: env["JEEDOM_URL"],
      }, {
        jeedom: ["/elsewhere answers HTTP 404", /path in JEEDOM_URL/],
        broker: ["not found", /Fix MQTT_BROKER_HOST/],
        public_url: ["HTTP 404", /Fix PUBLIC_URL/],
      }],
      [{ JEEDOM_URL: `http://127.0.0.1:${freePort()}`, PORT: new URL(env["JEEDOM_URL"] ?? "").port }, {
        jeedom: ["nothing listens there", /Start Jeedom/],
        gateway: ["taken by another program, which answers", /set PORT to a free one/],
      }],
    ];
    for (const [changes, expected] of broken) {
      const outcome = await runDoctor(changes);
      const where = JSON.stringify(outcome.report);
      for (const [name, [message, remedy]] of Object.entries(expected)) {
        assertStringIncludes(check(outcome, name).message, message, where);
        assert(remedy.test(check(outcome, name).remedy ?? ""), where);
      }
      const failed = outcome.report.checks.filter(({ status }) => status === "failed").map(({ name }) => name);
      assertEquals([failed.toSorted(), outcome.code], [Object.keys(expected).toSorted(), 2], where);
    }

    // Before the first start there is one failure with one remedy, without further failures that follow from it.
    const idle = await runDoctor({
      ...{ PORT: String(freePort()), METRICS_PORT: String(freePort()) },
      ...{ SECRET_KEY_FILE: "none/key.txt", KEYS_FILE: "none/keys.json" },
    });
    assertEquals(idle.code, 2);
    const unhealthy = idle.report.checks.filter(({ status }) => status === "failed" || status === "warning");
    assertEquals(unhealthy.map(({ name, status, remedy }) => [name, status, remedy]), [
      ["gateway", "failed", "Start the gateway: deno task start"],
    ]);
    const waiting = ["keys", "metrics", "public_url"].map((name) => check(idle, name));
    assertEquals(waiting.map(({ status, message }) => [status, message]), [
      ["skipped", "There is no key yet: the first start creates one"],
      ["skipped", "The gateway does not run"],
      ["skipped", "The gateway does not run"],
    ]);
  }));

Deno.test(
  needing("doctor reports a broker that refuses the password", { mosquitto: MOSQUITTO }),
  () =>
    withSystem(async ({ runDoctor }) => {
      const closed = await startBroker(["allow_anonymous false"]);
      try {
        const outcome = await runDoctor({ ...LOGIN, MQTT_BROKER_PORT: String(closed.port) });
        assertEquals([outcome.code, check(outcome, "broker").status], [2, "failed"]);
        assertStringIncludes(check(outcome, "broker").message, "refused the user name or password");
        assertStringIncludes(check(outcome, "broker").remedy ?? "", "Fix MQTT_USERNAME and MQTT_PASSWORD");
      } finally {
        await closed.stop();
      }
    }),
);

Deno.test("doctor reports the age of the gateway's own health if a fresh check differs", () =>
  withSystem(async ({ jeedom, gateway, runDoctor }) => {
    await gateway.output.line((line) => line.includes("Jeedom refuses ping (error -32000)"));
    const response = await fetch(`${gateway.metricsUrl}/health/ready`);
    const { failing } = await response.json();
    assertEquals([response.status, failing], [503, ["jeedom"]]);
    assert(/^\d+$/.test(response.headers.get("Age") ?? ""));
    const metrics = await (await fetch(`${gateway.metricsUrl}/metrics`)).text();
    assertStringIncludes(metrics, 'e2e_gateway_up{part="jeedom"} 0');
    jeedom.simulated.settings = {};
    const outcome = await runDoctor();
    assertEquals(check(outcome, "jeedom").status, "ok");
    assert(
      /^The gateway is not ready: jeedom \(as of \d+ s ago\)$/.test(check(outcome, "metrics").message),
      check(outcome, "metrics").message,
    );
  }, { settings: { HEALTH_CHECK_SECONDS: "600" }, jeedomSettings: { "api::forbidden::method": /^ping$/ } }));

/** Returns whether nothing answers at the default of JEEDOM_URL. */
const HAS_FREE_PORT_80 = await Deno.connect({ hostname: "localhost", port: 80 }).then(
  (connection) => (connection.close(), false),
  () => true,
);

const WITHOUT_SETTINGS = needing("doctor without settings reports one remedy, and that Jeedom is not configured", {
  "a free port 80": HAS_FREE_PORT_80,
});

Deno.test(WITHOUT_SETTINGS, async () => {
  await inTempDir(async (directory) => {
    const ports = { PORT: String(freePort()), METRICS_PORT: String(freePort()) };
    const runDoctor = async (env: Variables) => {
      const child = spawnMain(["doctor", "--json"], { directory, env, flags: FLAGS });
      const { code, stdout } = await within("the doctor", child.output(), 60_000);
      return { code, report: JSON.parse(new TextDecoder().decode(stdout)) as DoctorReport, output: "" };
    };
    const before = await runDoctor(ports);
    const bad = before.report.checks.filter(({ status }) => status === "failed" || status === "warning");
    assertEquals([before.code, bad.map(({ name }) => name)], [2, ["gateway"]]);
    const gateway = await startGatewayProcess(ports, { directory });
    try {
      await gateway.output.line((line) => line.includes('"part":"jeedom"'));
      const after = await runDoctor(ports);
      assertEquals(after.report.checks.filter(({ status }) => status === "failed"), []);
      assertEquals([check(after, "jeedom").status, check(after, "metrics").status, after.code], [
        "skipped",
        "warning",
        1,
      ]);
      for (const name of ["jeedom", "metrics"]) {
        assertEquals(check(after, name).remedy, "Set JEEDOM_URL, or READY_NEEDS=broker if you have none");
      }
    } finally {
      await gateway.stop();
    }
    const without = await startGatewayProcess({ ...ports, READY_NEEDS: "broker" }, { directory, key: gateway.key });
    try {
      await without.output.line((line) => line.includes('"part":"jeedom"'));
      const content = await runDoctor({ ...ports, READY_NEEDS: "broker" });
      assertEquals([content.report.status, content.code], ["ok", 0], JSON.stringify(content.report));
    } finally {
      await without.stop();
    }
  });
});

Deno.test("doctor distinguishes another gateway with the same key", () =>
  withSystem(async ({ gateway, env, runDoctor }) => {
    await inTempDir(async (directory) => {
      await Deno.mkdir(`${directory}/data`);
      await Deno.copyFile(`${gateway.directory}/data/secret_key.txt`, `${directory}/data/secret_key.txt`);
      const duplicate = await startGatewayProcess({ ...env, PORT: "0", METRICS_PORT: "0" }, {
        directory,
        key: gateway.key,
      });
      const withOtherKey = await startGatewayProcess({ ...env, PORT: "0", METRICS_PORT: "0" });
      try {
        const same = await runDoctor({ PUBLIC_URL: duplicate.url });
        assertEquals(same.code, 2);
        assertStringIncludes(check(same, "public_url").message, 'another gateway, which also has key "default"');
        const other = await runDoctor({ PUBLIC_URL: withOtherKey.url });
        assertEquals(other.code, 2);
        assertStringIncludes(check(other, "public_url").message, "HTTP 401: a gateway is there that does not have");
        // The doctor of the other gateway uses its own key with this gateway.
        const wrongDirectory = await runDoctor({}, withOtherKey.directory);
        assertStringIncludes(check(wrongDirectory, "gateway").message, 'does not have key "default" of these files');
      } finally {
        await duplicate.stop();
        await withOtherKey.stop();
      }
    });
  }));

Deno.test(
  needing("doctor publishes its state, and the broker publishes its will when doctor --watch is killed", {
    mosquitto: MOSQUITTO,
  }),
  () =>
    withSystem(async ({ gateway, env }) => {
      const states: string[] = [];
      const leaving = new AbortController();
      const following = (async () => {
        for await (const event of gateway.client.subscribe(["e2e-gateway/health"], { signal: leaving.signal })) {
          if (event.type === "message") states.push(String(event.payload));
        }
      })().catch(() => {});
      const last = () => JSON.parse(states.at(-1) ?? "{}");
      const spawn = (...args: string[]) => {
        const child = spawnMain(["doctor", ...args], { directory: gateway.directory, env, flags: FLAGS });
        return { child, output: new ProcessOutput(child) };
      };
      const once = spawn("--mqtt");
      assertEquals((await once.child.status).code, 0);
      await once.output.ended;
      await until("the state", () => states.length === 1);
      assertEquals([last().status, last().failing, last().warnings], ["ok", [], []]);
      const watching = spawn("--watch", "10", "--mqtt", "--json");
      await until("the state of doctor --watch", () => states.length === 2 && last().status === "ok");
      watching.child.kill("SIGKILL");
      await watching.child.status;
      await watching.output.ended;
      await until("the will", () => last().status === "offline");
      const stopping = spawn("--watch", "10", "--mqtt", "--json");
      await until("the state of a further doctor", () => last().status === "ok");
      stopping.child.kill("SIGTERM");
      assertEquals((await stopping.child.status).code, 0);
      await stopping.output.ended;
      await until("the offline state", () => last().status === "offline");
      assertEquals(stopping.output.lines.map((line) => JSON.parse(line).status), ["ok"]);
      leaving.abort();
      await following;
    }),
);
