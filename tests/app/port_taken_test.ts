/** Messages about a port that is taken, by what answers there. */
import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { describePortTaken, openPort, PortTakenError } from "../../src/app/port_taken.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { fakePlatform } from "../support/platform.ts";

const HEALTH = JSON.stringify({ status: "ok", version: "1.2.3" });
const CERTIFICATE = new TypeError("fetch failed", { cause: new Error("invalid peer certificate: NotValidForName") });

type Answer = string | number | Error;

/** A `fetch` that answers by address; everything else refuses connections. */
function fetchOf(answers: Readonly<Record<string, Answer>>, asked: string[] = []): typeof fetch {
  return (input) => {
    const url = String(input);
    asked.push(url);
    const answer = answers[new URL(url).origin] ?? new TypeError("fetch failed", { cause: new Error("refused") });
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve(typeof answer === "number" ? new Response("", { status: answer }) : new Response(answer));
  };
}

function describe(answers: Readonly<Record<string, Answer>>, env = {}, setting: "PORT" | "METRICS_PORT" = "PORT") {
  const error = new PortTakenError(setting, parseConfig(env));
  return describePortTaken(error, fakePlatform({ fetch: fetchOf(answers) }));
}

Deno.test("openPort() names the setting of a port that is taken, and passes on every other error", () => {
  const config = parseConfig({});
  const opening = (error: Error) => () => {
    throw error;
  };
  for (const error of [new Deno.errors.AddrInUse("x"), new Deno.errors.AddrNotAvailable("x")]) {
    let caught: unknown;
    try {
      openPort("METRICS_PORT", config, opening(error));
    } catch (thrown) {
      caught = thrown;
    }
    if (error instanceof Deno.errors.AddrInUse) assertEquals(caught instanceof PortTakenError, true);
    else assertEquals(caught, error);
  }
  assertThrows(
    () => openPort("PORT", parseConfig({ PORT: "443" }), opening(new Deno.errors.PermissionDenied("x"))),
    Error,
    "Ports below 1024 belong to the system: set PORT to a higher one, not 443",
  );
  assertEquals(openPort("PORT", config, () => 1), 1);
});

Deno.test("describePortTaken() names PORT and the gateway on it, whichever of both ports was tried first", async () => {
  for (const setting of ["PORT", "METRICS_PORT"] as const) {
    for (
      const origin of [
        "http://127.0.0.1:10000",
        "http://0.0.0.0:10000",
        "http://[::1]:10000",
        "https://127.0.0.1:10000",
      ]
    ) {
      const text = await describe({ [origin]: HEALTH, "http://127.0.0.1:9464": HEALTH }, {}, setting);
      assertMatch(text, /^Port 10000 is taken already: a gateway \(version 1\.2\.3\) runs there\. Stop it: /);
      assertStringIncludes(text, "set PORT and METRICS_PORT to free ones");
    }
  }
});

Deno.test("describePortTaken() finds a gateway at each form of HOST", async () => {
  for (
    const [HOST, origin] of [
      ["127.0.0.1", "http://127.0.0.1:10000"],
      ["192.168.1.10", "http://192.168.1.10:10000"],
      ["::", "http://[::]:10000"],
      ["::1", "http://[::1]:10000"],
      ["localhost", "http://localhost:10000"],
    ] as const
  ) {
    assertStringIncludes(
      await describe({ [origin]: HEALTH }, { HOST }),
      "Port 10000 is taken already: a gateway (version 1.2.3)",
    );
  }
});

Deno.test("describePortTaken() knows a gateway behind another name's certificate by its port for metrics", async () => {
  const tls = { "https://0.0.0.0:10000": CERTIFICATE, "https://127.0.0.1:10000": CERTIFICATE };
  assertStringIncludes(
    await describe({ ...tls, "http://127.0.0.1:9464": HEALTH }),
    "Port 10000 is taken already: a gateway (version 1.2.3) runs there",
  );
  assertStringIncludes(await describe(tls), "by a program that speaks TLS, most likely a gateway");
});

Deno.test("describePortTaken() names METRICS_PORT where only that is taken, by a gateway or another program", async () => {
  assertEquals(
    await describe({ "http://127.0.0.1:9464": HEALTH }, {}, "METRICS_PORT"),
    "Port 9464 is taken already: a gateway (version 1.2.3) has its metrics there. " +
      "Stop it, or set METRICS_PORT to a free one, or to off",
  );
  const other = await describe({ "http://127.0.0.1:9464": 404 }, {}, "METRICS_PORT");
  assertStringIncludes(other, "Port 9464 is taken already by another program, which answers HTTP 404");
  assertStringIncludes(other, "set METRICS_PORT to a free one, or to off");
});

Deno.test("describePortTaken() says of another program how to find it", async () => {
  for (const answer of [200, 404, '{"status":"ok"}', "<html>", '{"status":"ok","version":7}', "null"]) {
    const text = await describe({ "http://127.0.0.1:10000": answer });
    assertMatch(text, /^Port 10000 is taken already by another program, which answers HTTP \d+ and not as a gateway/);
    assertStringIncludes(text, "sudo ss -ltnp 'sport = :10000'");
    assertStringIncludes(text, "set PORT to a free one");
  }
  assertMatch(await describe({}), /^Port 10000 is taken already by another program\. Find it/);
});

Deno.test("describePortTaken() shows nothing of what another program answers", async () => {
  const version = "1\n\x1b[2Jfake";
  const text = await describe({ "http://127.0.0.1:10000": JSON.stringify({ status: "ok", version }) });
  assertEquals(text.includes("\x1b") || text.includes("\n") || text.includes("fake"), false, text);
});

Deno.test("describePortTaken() asks single addresses only on the ports of the settings, and no port that is off", async () => {
  const asked: string[] = [];
  const config = parseConfig({ HOST: "127.0.0.1", METRICS_PORT: "off" });
  await describePortTaken(new PortTakenError("PORT", config), fakePlatform({ fetch: fetchOf({}, asked) }));
  assertEquals(asked.toSorted(), ["http://127.0.0.1:10000/health", "https://127.0.0.1:10000/health"]);
});
