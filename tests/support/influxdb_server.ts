/** Real InfluxDB 1 for tests, on loopback, in a temporary directory. */
import { until } from "./deadline.ts";
import { freePort } from "./loopback.ts";
import { findProgram } from "./programs.ts";

/** Server with one database. */
export interface TestInfluxdb {
  /** Its address. */
  readonly url: string;
  /** Name of the database. */
  readonly database: string;
  /** Runs a statement as an administrator. */
  run(statement: string): Promise<unknown>;
  /** Writes lines, with times in milliseconds. */
  write(...lines: readonly string[]): Promise<void>;
}

/** Options of a server. */
export interface TestInfluxdbOptions {
  /** Login that the server asks for. */
  readonly login?: { readonly username: string; readonly password: string };
}

/** Path of the server; undefined if it is not installed, unless REQUIRE_INFLUXDB is set, as in CI. */
export const INFLUXD: string | undefined = findProgram(
  ["/usr/bin/influxd", "/usr/local/bin/influxd", "/opt/homebrew/bin/influxd"],
  "REQUIRE_INFLUXDB",
);

const DATABASE = "home";

/** Runs a test with a server, which is stopped and removed at the end. */
export async function withInfluxdb(
  test: (influxdb: TestInfluxdb) => Promise<void>,
  { login }: TestInfluxdbOptions = {},
): Promise<void> {
  const path = INFLUXD;
  if (path === undefined) throw new Error("No influxd: the test must be ignored");
  const directory = await Deno.makeTempDir({ prefix: "influxdb-" });
  const { child, url } = await startServer(path, directory, login !== undefined);
  const headers: Record<string, string> = login === undefined
    ? {}
    : { Authorization: `Basic ${btoa(`${login.username}:${login.password}`)}` };
  const influxdb: TestInfluxdb = {
    url,
    database: DATABASE,
    async run(statement) {
      const body = new URLSearchParams({ db: DATABASE, q: statement });
      const response = await fetch(`${url}/query`, { method: "POST", headers, body });
      return await response.json();
    },
    async write(...lines) {
      const response = await fetch(`${url}/write?db=${DATABASE}&precision=ms`, {
        method: "POST",
        headers,
        body: lines.join("\n"),
      });
      if (response.status !== 204) throw new Error(await response.text());
    },
  };
  try {
    if (login !== undefined) {
      await influxdb.run(
        `CREATE USER ${login.username} WITH PASSWORD '${login.password.replaceAll("'", "\\'")}' WITH ALL PRIVILEGES`,
      );
    }
    await influxdb.run(`CREATE DATABASE ${DATABASE}`);
    await test(influxdb);
  } finally {
    await stopServer(child);
    await Deno.remove(directory, { recursive: true });
  }
}

/** Attempts to start a server, each on another port. */
const ATTEMPTS = 3;

/** Starts a server, and waits until it answers. It ends at once if a program has taken its port meanwhile. */
async function startServer(
  path: string,
  directory: string,
  hasLogin: boolean,
): Promise<{ readonly child: Deno.ChildProcess; readonly url: string }> {
  for (let attempt = 1;; attempt++) {
    const port = freePort();
    const url = `http://127.0.0.1:${port}`;
    const config = `${directory}/influxdb.conf`;
    await Deno.writeTextFile(config, configText({ directory, port, hasLogin }));
    const child = new Deno.Command(path, {
      args: ["run", "-config", config],
      env: { HOME: directory },
      stdout: "null",
      stderr: "null",
    }).spawn();
    let hasEnded = false;
    child.status.then(() => hasEnded = true);
    try {
      await until("InfluxDB answers", async () => hasEnded || await isUp(url));
    } catch (error) {
      await stopServer(child);
      throw error;
    }
    if (!hasEnded) return { child, url };
    if (attempt === ATTEMPTS) throw new Error(`InfluxDB ended ${ATTEMPTS} times before it answered`);
  }
}

async function stopServer(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has already ended.
  }
  await child.status;
}

function configText({ directory, port, hasLogin }: {
  readonly directory: string;
  readonly port: number;
  readonly hasLogin: boolean;
}): string {
  return `reporting-disabled = true
# Any free port: backups are not tested.
bind-address = "127.0.0.1:0"
[meta]
dir = "${directory}/meta"
[data]
dir = "${directory}/data"
wal-dir = "${directory}/wal"
query-log-enabled = false
[coordinator]
max-select-buckets = 100000
[http]
bind-address = "127.0.0.1:${port}"
auth-enabled = ${hasLogin}
log-enabled = false
[monitor]
store-enabled = false
[continuous_queries]
enabled = false
`;
}

async function isUp(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/ping`);
    await response.body?.cancel();
    return response.status === 204;
  } catch {
    return false;
  }
}
