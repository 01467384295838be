/** Real HAProxy for tests, on loopback, in front of several gateways, as the project ships its configuration. */
import { untilListening } from "./broker.ts";
import { freePort } from "./loopback.ts";
import { findProgram } from "./programs.ts";

/** Gateway behind the balancer. */
export interface BalancedServer {
  /** Its port on loopback. */
  readonly port: number;
}

/** Path of HAProxy; undefined if it is not installed, unless REQUIRE_HAPROXY is set, as in CI. */
export const HAPROXY: string | undefined = findProgram(
  ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy", "/opt/homebrew/bin/haproxy"],
  "REQUIRE_HAPROXY",
);

/** Starts HAProxy; `scope` stops it. Returns its URL. */
export async function startHaproxy(
  scope: AsyncDisposableStack,
  servers: readonly BalancedServer[],
): Promise<string> {
  if (HAPROXY === undefined) throw new Error("HAProxy is not installed");
  const port = freePort();
  const file = await Deno.makeTempFile({ prefix: "haproxy-", suffix: ".cfg" });
  scope.defer(() => Deno.remove(file));
  await Deno.writeTextFile(file, await haproxyConfiguration(port, servers));
  const child = new Deno.Command(HAPROXY, { args: ["-db", "-f", file], stdout: "null", stderr: "null" }).spawn();
  scope.defer(async () => {
    child.kill("SIGKILL");
    await child.status;
  });
  await untilListening(port);
  return `http://127.0.0.1:${port}`;
}

/** Returns the configuration that the project ships, with other addresses. */
export async function haproxyConfiguration(port: number, servers: readonly BalancedServer[]): Promise<string> {
  const shipped = await Deno.readTextFile(new URL("../../docker/replicas/haproxy.cfg", import.meta.url));
  const lines = servers.map(({ port }, index) => `  server gateway${index} 127.0.0.1:${port} check`);
  return shipped
    .replace(/^resolvers docker\n( .*\n)*/m, "")
    .replace("bind :10000", `bind 127.0.0.1:${port}`)
    .replace(/^ +server-template .*$/m, lines.join("\n"));
}
