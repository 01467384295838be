/** Broker that can be stopped and started again at its port, and keeps the session of the observer. */
import { freePort } from "../../tests/support/loopback.ts";
import { MOSQUITTO, startBroker, type TestBroker } from "../../tests/support/broker.ts";
import { until } from "../../tests/support/deadline.ts";

/** Credentials of the gateway. */
export const CREDENTIALS = { username: "gateway", password: "right" } as const;

/** Credentials of the observer, which stay valid. */
export const OBSERVER_CREDENTIALS = { username: "observer", password: "observes" } as const;

/** Restartable broker. */
export interface ChaosBroker extends TestBroker {
  /** Starts it again; with credentials, optionally with another password for the gateway. */
  start(password?: string): Promise<void>;
  /** Makes it write its sessions to disk, as it does regularly. */
  saveSessions(): Promise<void>;
}

/** Starts the broker. */
export async function startChaosBroker(
  { hasCredentials }: { readonly hasCredentials: boolean },
): Promise<ChaosBroker> {
  const port = freePort();
  const directory = await Deno.makeTempDir({ prefix: "chaos-broker-" });
  const config = [
    "persistence true",
    `persistence_location ${directory}/`,
    // Without a queue, no message that awaits an acknowledgement of the observer is lost.
    "max_inflight_messages 0",
    "max_queued_messages 0",
    ...hasCredentials ? ["allow_anonymous false", `password_file ${directory}/passwords`] : ["allow_anonymous true"],
  ];
  let broker: TestBroker | undefined;

  async function start(password: string = CREDENTIALS.password): Promise<void> {
    if (hasCredentials) {
      await writePasswords(`${directory}/passwords`, [{ ...CREDENTIALS, password }, OBSERVER_CREDENTIALS]);
    }
    broker = await startBroker(config, port);
  }

  const signal = (name: Deno.Signal) => broker?.signal(name);
  await start();
  return {
    host: "127.0.0.1",
    port,
    start,
    signal,
    async saveSessions() {
      if (MOSQUITTO === undefined) return;
      signal("SIGUSR1");
      const saved = () => Deno.stat(`${directory}/mosquitto.db`).then(() => true, () => false);
      await until("the broker has saved its sessions", saved);
    },
    async stop(signalName) {
      const stopping = broker;
      broker = undefined;
      await stopping?.stop(signalName);
      // Without a signal, it is not started again.
      if (signalName === undefined) await Deno.remove(directory, { recursive: true });
    },
  };
}

async function writePasswords(
  file: string,
  credentials: readonly { readonly username: string; readonly password: string }[],
): Promise<void> {
  await Deno.writeTextFile(file, credentials.map(({ username, password }) => `${username}:${password}\n`).join(""));
  // Replaces the passwords by hashes.
  const { success } = await new Deno.Command("mosquitto_passwd", { args: ["-U", file], stderr: "null" }).output();
  if (!success) throw new Error(`Password file cannot be made: "${file}"`);
}
