/** Real HAProxy for tests, on loopback, in front of several gateways. */
import { untilListening } from "./broker.ts";
import { freePort } from "./loopback.ts";
import { findProgram } from "./programs.ts";

/** Gateway behind the balancer. */
export interface BalancedServer {
  /** Port for requests. */
  readonly port: number;
  /** Port of `/health/ready`. */
  readonly healthPort: number;
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
  await Deno.writeTextFile(file, configuration(port, servers));
  const child = new Deno.Command(HAPROXY, { args: ["-db", "-f", file], stdout: "null", stderr: "null" }).spawn();
  scope.defer(async () => {
    child.kill("SIGKILL");
    await child.status;
  });
  await untilListening(port);
  return `http://127.0.0.1:${port}`;
}

/** The same rules as in docs/operations/replicas.md, with shorter intervals. */
function configuration(port: number, servers: readonly BalancedServer[]): string {
  return `
global
  maxconn 4000
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  timeout http-request 10s
  option redispatch 1
  retries 2
frontend phones
  bind 127.0.0.1:${port}
  default_backend gateways
backend gateways
  balance leastconn
  option httpchk GET /health/ready
  default-server inter 500ms fastinter 200ms fall 2 rise 1 on-marked-down shutdown-sessions
${
    servers.map(({ port, healthPort }, index) => `  server g${index} 127.0.0.1:${port} check port ${healthPort}`).join(
      "\n",
    )
  }
`;
}
