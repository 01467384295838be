import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { TAILSCALE } from "../../src/doctor/checks/tailscale.ts";
import { findFunnelRoute, parseTailscaleStatus } from "../../src/doctor/tailscale.ts";
import { makeContext, NEVER_ABORTED, NOW } from "../support/doctor_context.ts";

const HOST = "house.tail1234.ts.net";
const DAY = 86_400_000;

const makeStatus = (change: Record<string, unknown> = {}, self: Record<string, unknown> = {}) => ({
  Version: "1.90.0",
  BackendState: "Running",
  Self: { HostName: "house", DNSName: `${HOST}.`, Online: true, ...self },
  ...change,
});

const served = (target: string, isPublic = true) => ({
  TCP: { 443: { HTTPS: true } },
  Web: { [`${HOST}:443`]: { Handlers: { "/": { Proxy: target } } } },
  ...isPublic && { AllowFunnel: { [`${HOST}:443`]: true } },
});

interface Outputs {
  readonly status?: unknown;
  readonly funnel?: unknown;
  readonly code?: number;
  readonly url?: string;
}

function runCheck(
  { status = makeStatus(), funnel = served("http://127.0.0.1:10000"), code = 0, url = `https://${HOST}` }: Outputs,
) {
  const context = makeContext({
    env: { PUBLIC_URL: url },
    machine: {
      run: (_, [first]) => Promise.resolve({ code, stdout: JSON.stringify(first === "status" ? status : funnel) }),
    },
  });
  return TAILSCALE.run(context, NEVER_ABORTED);
}

Deno.test("tailscale is ok when Funnel leads to the gateway's port", async () => {
  const ways = [
    served("http://127.0.0.1:10000"),
    served("http://localhost:10000"),
    served("https+insecure://127.0.0.1:10000"),
    { Foreground: { session: served("http://127.0.0.1:10000") } },
    {
      TCP: { 443: { TCPForward: "127.0.0.1:10000", TerminateTLS: HOST } },
      AllowFunnel: { [`${HOST}:443`]: true },
    },
  ];
  for (const funnel of ways) {
    assertEquals(await runCheck({ funnel }), { status: "ok", message: `Runs as ${HOST}; Funnel leads to the gateway` });
  }
});

Deno.test("tailscale reports each problem, with the remedy", async () => {
  for (
    const [outputs, state, message, remedy] of [
      [{ status: makeStatus({ BackendState: "NeedsLogin" }) }, "failed", "not logged in", "sudo tailscale up"],
      [{ status: makeStatus({ BackendState: "Stopped" }) }, "failed", "turned off", "sudo tailscale up"],
      [{ status: makeStatus({ BackendState: "Starting" }) }, "failed", 'state is "Starting"', "Wait"],
      [{ status: "", code: 1 }, "failed", "daemon does not run", "enable --now tailscaled"],
      [{ status: "", code: 1, url: "" }, "warning", "daemon does not run", "enable --now tailscaled"],
      [{ status: makeStatus({}, { Expired: true }) }, "failed", "has expired", "--force-reauth"],
      [
        { status: makeStatus({}, { KeyExpiry: new Date(NOW + 3 * DAY).toISOString() }) },
        "warning",
        "expires in 3 d",
        "--force-reauth",
      ],
      [{ funnel: null }, "failed", "does not lead to the gateway's port", "run_tailscale.sh"],
      [{ funnel: {} }, "failed", "does not lead to the gateway's port", "run_tailscale.sh"],
      [{ funnel: served("http://127.0.0.1:8080") }, "failed", "does not lead", "run_tailscale.sh"],
      [{ funnel: served("http://127.0.0.1:10000", false) }, "warning", "tailnet's own devices", "run_tailscale.sh"],
      [{ url: "https://other.tail1234.ts.net" }, "warning", "PUBLIC_URL is another", `Set PUBLIC_URL=https://${HOST}`],
    ] as const
  ) {
    const found = await runCheck(outputs);
    assertEquals(found.status, state, found.message);
    assertStringIncludes(found.message, message);
    assertStringIncludes(found.remedy ?? "", remedy);
  }
});

Deno.test("tailscale is skipped in homes that do not use it", async () => {
  assertEquals((await runCheck({ url: "https://house.example" })).status, "skipped");
  assertEquals((await runCheck({ url: "", funnel: null })).status, "ok");
  for (
    const [error, message] of [
      [new Deno.errors.NotFound(), "Not installed"],
      [new Deno.errors.NotCapable(), "The sandbox does not allow running it"],
    ] as const
  ) {
    const context = makeContext({ machine: { run: () => Promise.reject(error) } });
    assertEquals(await TAILSCALE.run(context, NEVER_ABORTED), { status: "skipped", message });
  }
});

Deno.test("property: parsing any output of Tailscale does not throw", () =>
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string(), fc.constant("null")), (text) => {
      parseTailscaleStatus(text);
      findFunnelRoute(text, 10_000);
    }),
  ));
