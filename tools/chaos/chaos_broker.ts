/** A broker that can be ended and started again at the same port, and remembers the session of who counts. */
import { freePort } from "../../tests/support/loopback.ts";
import { MOSQUITTO, startBroker, type TestBroker } from "../../tests/support/broker.ts";
import { until } from "../../tests/support/deadline.ts";

/** A login, and whether it is the one that the gateway has. */
export const LOGIN = { username: "gateway", password: "right" } as const;

/** The login of whoever observes; it is always right. */
export const OBSERVER_LOGIN = { username: "observer", password: "observes" } as const;

/** The broker of a house. */
export interface ChaosBroker extends TestBroker {
  /** Starts it again; with logins, the gateway's own password may be another one now. */
  start(password?: string): Promise<void>;
  /** Has it write to its disk which sessions there are, as a broker does that runs for long. */
  save(): Promise<void>;
}

/** Starts the broker of a house; with logins, if it shall want them. */
export async function startChaosBroker({ hasLogins }: { readonly hasLogins: boolean }): Promise<ChaosBroker> {
  const port = freePort();
  const directory = await Deno.makeTempDir({ prefix: "chaos-broker-" });
  const config = [
    "persistence true",
    `persistence_location ${directory}/`,
    // What waits for an acknowledgement of the observer's is in no queue that would be lost.
    "max_inflight_messages 0",
    "max_queued_messages 0",
    ...hasLogins ? ["allow_anonymous false", `password_file ${directory}/passwords`] : ["allow_anonymous true"],
  ];
  let broker: TestBroker | undefined;

  async function start(password: string = LOGIN.password): Promise<void> {
    if (hasLogins) {
      await writePasswords(`${directory}/passwords`, [{ ...LOGIN, password }, OBSERVER_LOGIN]);
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
    async save() {
      if (MOSQUITTO === undefined) return;
      signal("SIGUSR1");
      const saved = () => Deno.stat(`${directory}/mosquitto.db`).then(() => true, () => false);
      await until("the broker has saved its sessions", saved);
    },
    async stop(how) {
      const ending = broker;
      broker = undefined;
      await ending?.stop(how);
      // Without a signal it is for good.
      if (how === undefined) await Deno.remove(directory, { recursive: true });
    },
  };
}

async function writePasswords(
  file: string,
  logins: readonly { readonly username: string; readonly password: string }[],
): Promise<void> {
  await Deno.writeTextFile(file, logins.map(({ username, password }) => `${username}:${password}\n`).join(""));
  // It has hashes in the place of passwords then.
  const { success } = await new Deno.Command("mosquitto_passwd", { args: ["-U", file], stderr: "null" }).output();
  if (!success) throw new Error(`Password file cannot be made: "${file}"`);
}
