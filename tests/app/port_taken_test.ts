/** Messages about a taken port, by the program on it. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { PortTakenError } from "../../src/app/listen.ts";
import { describePortTaken } from "../../src/app/port_taken.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { fakePlatform } from "../support/platform.ts";

const HEALTH = JSON.stringify({ status: "ok", version: "1.2.3" });
const CERTIFICATE = new TypeError("fetch failed", { cause: new Error("invalid peer certificate: NotValidForName") });

type Answer = string | number | Error;

/** A `fetch` that answers by address; everything else refuses connections. */
function fetchOf(answers: Readonly<Record<string, Answer>>, urls: string[] = []): typeof fetch {
  return (input) => {
    const url = String(input);
    urls.push(url);
    const answer = answers[new URL(url).origin] ?? new TypeError("fetch failed", { cause: new Error("refused") });
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve(typeof answer === "number" ? new Response("", { status: answer }) : new Response(answer));
  };
}

function describe(answers: Readonly<Record<string, Answer>>, env = {}, setting: "PORT" | "METRICS_PORT" = "PORT") {
  const error = new PortTakenError(setting, parseConfig(env));
  return describePortTaken(error, fakePlatform({ fetch: fetchOf(answers) }));
}

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

Deno.test("describePortTaken() recognizes a gateway behind another name's certificate by its port for metrics", async () => {
  const tls = { "https://0.0.0.0:10000": CERTIFICATE, "https://127.0.0.1:10000": CERTIFICATE };
  assertStringIncludes(
    await describe({ ...tls, "http://127.0.0.1:9464": HEALTH }),
    "Port 10000 is taken already: a gateway (version 1.2.3) runs there",
  );
  assertStringIncludes(await describe(tls), "by a program that speaks TLS, most likely a gateway");
});

Deno.test("describePortTaken() names METRICS_PORT when only that is taken, by a gateway or another program", async () => {
  assertEquals(
    await describe({ "http://127.0.0.1:9464": HEALTH }, {}, "METRICS_PORT"),
    "Port 9464 is taken already: a gateway (version 1.2.3) has its metrics there. " +
      "Stop it, or set METRICS_PORT to a free one, or to off",
  );
  const other = await describe({ "http://127.0.0.1:9464": 404 }, {}, "METRICS_PORT");
  assertStringIncludes(other, "Port 9464 is taken already by another program, which answers HTTP 404");
  assertStringIncludes(other, "set METRICS_PORT to a free one, or to off");
});

Deno.test("describePortTaken() says how to find another program", async () => {
  for (const answer of [200, 404, '{"status":"ok"}', "<html>", '{"status":"ok","version":7}', "null"]) {
    const text = await describe({ "http://127.0.0.1:10000": answer });
    assertMatch(text, /^Port 10000 is taken already by another program, which answers HTTP \d+ and not as a gateway/);
    assertStringIncludes(text, "sudo ss -ltnp 'sport = :10000'");
    assertStringIncludes(text, "set PORT to a free one");
  }
  assertMatch(await describe({}), /^Port 10000 is taken already by another program\. Find it/);
});

Deno.test("describePortTaken() shows nothing of the answer of another program", async () => {
  const version = "1\n\x1b[2Jfake";
  const text = await describe({ "http://127.0.0.1:10000": JSON.stringify({ status: "ok", version }) });
  assertEquals(text.includes("\x1b") || text.includes("\n") || text.includes("fake"), false, text);
});

Deno.test("describePortTaken() sends requests to single addresses only at the ports of the settings, and no port that is off", async () => {
  const urls: string[] = [];
  const config = parseConfig({ HOST: "127.0.0.1", METRICS_PORT: "off" });
  await describePortTaken(new PortTakenError("PORT", config), fakePlatform({ fetch: fetchOf({}, urls) }));
  assertEquals(urls.toSorted(), ["http://127.0.0.1:10000/health", "https://127.0.0.1:10000/health"]);
});
