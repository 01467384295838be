/** The broker of system tests: a real Mosquitto where one is installed, the embedded broker otherwise. */
import { startEmbeddedBroker } from "../../src/demo/embedded_broker.ts";
import { freePort } from "./loopback.ts";
import { findProgram } from "./programs.ts";

/** A broker on loopback. */
export interface TestBroker {
  readonly host: string;
  readonly port: number;
  /** Ends it, kindly or not; to be called once or more. */
  stop(signal?: Deno.Signal): Promise<void>;
  /** Sends the process a signal, such as SIGSTOP; only with Mosquitto. */
  signal(signal: Deno.Signal): void;
}

/** Path of Mosquitto, or undefined. CI sets REQUIRE_MOSQUITTO so that nothing is skipped unnoticed there. */
export const MOSQUITTO: string | undefined = findProgram(
  ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto"],
  "REQUIRE_MOSQUITTO",
);

/** Starts a broker; `config` are further lines for Mosquitto's configuration, which only Mosquitto understands. */
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
        throw new Error("Only Mosquitto takes signals");
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
        // It ended by itself.
      }
      await child.status;
      await Deno.remove(file).catch(() => {});
    },
    signal: (signal) => child.kill(signal),
  };
}

/** Waits until something listens on a port of loopback. */
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
