/** Broker of system tests: Mosquitto if it is installed, otherwise the embedded broker. */
import { startEmbeddedBroker } from "../../src/demo/embedded_broker.ts";
import { freePort } from "./loopback.ts";
import { findProgram } from "./programs.ts";

/** Broker on loopback. */
export interface TestBroker {
  readonly host: string;
  readonly port: number;
  /** Stops it; may be called again. */
  stop(signal?: Deno.Signal): Promise<void>;
  /** Sends the process a signal, such as SIGSTOP; Mosquitto only. */
  signal(signal: Deno.Signal): void;
}

/** Path of Mosquitto, which MOSQUITTO may name; undefined if it is not installed, unless REQUIRE_MOSQUITTO is set, as in CI. */
export const MOSQUITTO: string | undefined = findProgram(
  ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto"],
  "REQUIRE_MOSQUITTO",
  "MOSQUITTO",
);

/** Starts a broker; `config` are lines of Mosquitto's configuration, which the embedded broker ignores. */
export async function startBroker(
  config: readonly string[] = ["allow_anonymous true"],
  port = freePort(),
): Promise<TestBroker> {
  if (MOSQUITTO === undefined) {
    const broker = await startEmbeddedBroker(port);
    let closed: Promise<void> | undefined;
    return {
      ...broker,
      stop: () => closed ??= broker.close(),
      signal: () => {
        throw new Error("Only Mosquitto accepts signals");
      },
    };
  }
  const file = await Deno.makeTempFile({ prefix: "mosquitto-", suffix: ".conf" });
  await Deno.writeTextFile(file, [`listener ${port} 127.0.0.1`, "user root", ...config, ""].join("\n"));
  const child = new Deno.Command(MOSQUITTO, { args: ["-c", file], stdout: "null", stderr: "null" }).spawn();
  await untilListening(port);
  return {
    host: "127.0.0.1",
    port,
    async stop(signal = "SIGTERM") {
      try {
        child.kill("SIGCONT");
        child.kill(signal);
      } catch {
        // It has already ended.
      }
      await child.status;
      await Deno.remove(file).catch(() => {});
    },
    signal: (signal) => child.kill(signal),
  };
}

/** Waits until a port of loopback accepts connections. */
export async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 1200; attempt++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`Nothing listens on port ${port}`);
}
