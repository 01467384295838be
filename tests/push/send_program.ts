/**
 * Program that sends the messages of a state file, prints the counts after each change, and when no message is left. It
 * stops at a step, so that it can be killed there.
 */
import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { parseHostPattern } from "../../src/net/egress.ts";
import { SILENT_LOG } from "../../src/observability/log.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { PushSender } from "../../src/push/sender.ts";
import { VapidTokens } from "../../src/push/vapid.ts";
import { generateVapidKey, parseVapidKey } from "../../src/push/vapid_key.ts";
import { SqliteState } from "../../src/store/state/sqlite_state.ts";

const [path = "", certFile = "", host = "", stopAt = ""] = Deno.args;
const caCerts = [await Deno.readTextFile(certFile)];
const counts: Record<string, number> = {};

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function count(name: string, added: number): void {
  counts[name] = (counts[name] ?? 0) + added;
  print(JSON.stringify(counts));
}

/** Prints a step, and never goes on if it is the one to stop at. */
async function reach(step: string): Promise<void> {
  if (step !== stopAt) return;
  print(`at ${step}`);
  await new Promise(() => {});
}

const state = new SqliteState({ path, files: Deno, mode: "strict", log: SILENT_LOG });
const { claimMessages, settleMessage, queueState, removeSubscription } = state;
state.claimMessages = async (...args) => {
  const claimed = await claimMessages.apply(state, args);
  if (claimed.due.length > 0) await reach("claimed");
  return claimed;
};
state.settleMessage = async (...args) => {
  await reach("answered");
  const result = await settleMessage.apply(state, args);
  await reach("settled");
  return result;
};
state.removeSubscription = async (...args) => {
  await reach("ended");
  return await removeSubscription.apply(state, args);
};
state.queueState = async (...args) => {
  const found = await queueState.apply(state, args);
  if (found.length === 0) print("empty");
  return found;
};

const sender = new PushSender({
  store: state,
  network: {
    async connect(options) {
      await reach("connecting");
      return await Deno.connect(options);
    },
    startTls: async (connection, options) => {
      await reach("connected");
      return await Deno.startTls(connection, { ...options, caCerts });
    },
  },
  tokens: new VapidTokens(await parseVapidKey(await generateVapidKey()), "mailto:operator@home.example"),
  allowedHosts: [parseHostPattern(host)],
  isInForce: () => true,
  clock: SYSTEM_CLOCK,
  random: () => 0,
  randomBytes,
  telemetry: {
    sent: () => count("sent", 1),
    expired: (added) => count("expired", added),
    replaced: (added) => count("replaced", added),
    dropped: count,
  },
  log: SILENT_LOG,
});
sender.start();
// Nothing else keeps the process alive at the step.
setInterval(() => {}, 60_000);
