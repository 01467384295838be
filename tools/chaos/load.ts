/** The people of a house: phones that send numbered things, listeners, and somebody who sends again what he recorded. */
import { errorText } from "../../src/lib/errors.ts";
import { setTimeout as pause } from "node:timers/promises";
import { type Answer, GatewayClient, GatewayError, type Version } from "../../src/client/gateway_client.ts";
import { isObject } from "../../src/lib/json.ts";
import { until } from "../../tests/support/deadline.ts";
import { observe } from "../support/observer.ts";
import { OBSERVER_LOGIN } from "./chaos_broker.ts";
import type { TestEnvironment } from "./environment.ts";
import { ACKNOWLEDGED, type Ledger } from "./request_tracker.ts";
import { Recorder } from "./replayer.ts";
import { StreamRecord } from "./stream_record.ts";

/** What runs while something is broken. */
export interface Load {
  /** What each listener got. */
  readonly listeners: readonly StreamRecord[];
  /** Numbers of messages as the broker passed them on. */
  readonly passedOn: readonly string[];
  /** Names of those who send, each of them one thing after the other. */
  readonly senders: readonly string[];
  /** What somebody on the way has recorded. */
  readonly recorder: Recorder;
  /** Why listeners gave up, which they must not. */
  readonly givenUp: readonly string[];
  /** Sends nothing new any more, and waits for what is on its way. Listeners go on. */
  stop(): Promise<void>;
  /** Publishes one more message, until it is acknowledged, and waits until everybody has it. */
  flush(): Promise<void>;
}

/** How much runs. */
export interface LoadOptions {
  /** How many things each phone sends at the same time, of each kind. */
  readonly each: number;
}

const TOPIC = "chaos/n";

/** Longest wait of a phone, in milliseconds: longer than the gateway's own waits. */
const TIMEOUT_MS = 4000;

/** Pauses of those who send, after a success and after a failure, in milliseconds. */
const PAUSE_MS = { good: 15, bad: 60 };

/** Begins to listen, then to send. `opened` ends all of it. */
export async function startLoad(
  opened: AsyncDisposableStack,
  house: TestEnvironment,
  { each }: LoadOptions,
): Promise<Load> {
  const { url, key } = house.gateway;
  const { messages, commands } = house;
  const passedOn: string[] = [];
  const recorder = new Recorder();
  const givenUp: string[] = [];
  const leave = new AbortController();
  let isSending = true;

  const leaveBroker = await observe(house.broker, {
    filters: [TOPIC],
    login: house.env["MQTT_USERNAME"] === undefined ? undefined : OBSERVER_LOGIN,
    onMessage({ payload: number }) {
      messages.see(number);
      passedOn.push(number);
    },
  });
  opened.defer(leaveBroker);
  await house.broker.save();

  const client = (protocol: Version) =>
    new GatewayClient({ url, key, protocol, random: () => 0, fetch: recorder.fetch });

  async function listen(record: StreamRecord, protocol: Version, keep: boolean): Promise<void> {
    try {
      const events = client(protocol).subscribe([TOPIC], { qos: 1, keep, signal: leave.signal });
      for await (const event of events) record.add(event, performance.now());
    } catch (error) {
      if (!leave.signal.aborted) {
        givenUp.push(`${record.who} gave up: ${errorText(error)}`);
      }
    }
  }

  async function send(
    ledger: Ledger,
    who: string,
    ask: (number: string) => Promise<string>,
  ): Promise<void> {
    while (isSending) {
      const outcome = await sendOnce(ledger, who, ask);
      await pause(outcome === ACKNOWLEDGED ? PAUSE_MS.good : PAUSE_MS.bad);
    }
  }

  // A gateway that has just started refuses what it may have forgotten, and a store that it has not reached yet.
  await until("the gateway takes requests", () => client(2).callJeedom("ping").then(() => true, () => false));
  const listeners: StreamRecord[] = [];
  const listening: Promise<void>[] = [];
  const senders: string[] = [];
  const sending: Promise<void>[] = [];
  for (const protocol of [1, 2] as const) {
    for (const keep of [false, true]) {
      const record = new StreamRecord(`listener of version ${protocol}${keep ? ", keeping" : ""}`);
      listeners.push(record);
      listening.push(listen(record, protocol, keep));
    }
  }
  opened.defer(async () => {
    leave.abort();
    isSending = false;
    await Promise.all([...listening, ...sending]);
  });
  await until("all listen", () => {
    if (givenUp.length > 0) throw new Error(givenUp.join("\n"));
    return listeners.every(({ events }) => events.has("connected"));
  });
  for (const protocol of [1, 2] as const) {
    const phone = client(protocol);
    for (let index = 0; index < each; index++) {
      const who = `phone of version ${protocol}, ${index}`;
      senders.push(who);
      sending.push(send(messages, who, (number) => publish(phone, number)));
      sending.push(send(commands, who, (number) => command(phone, number)));
    }
  }

  return {
    listeners,
    passedOn,
    senders,
    recorder,
    givenUp,
    async stop() {
      isSending = false;
      await Promise.all(sending);
    },
    async flush() {
      let number = "";
      const phone = client(2);
      await until("a last message is acknowledged", async () => {
        number = String(messages.entries.size + 1);
        return await sendOnce(messages, "last", (last) => publish(phone, last)) === ACKNOWLEDGED;
      });
      await until("the last message is counted", () => passedOn.includes(number));
      await until(
        "all listeners have the last message",
        () => listeners.every((record) => record.arrival(number) !== undefined),
        40_000,
      );
    },
  };
}

/** Sends one numbered thing, once, and writes down what became of it. */
async function sendOnce(ledger: Ledger, who: string, ask: (number: string) => Promise<string>): Promise<string> {
  const number = ledger.begin(who);
  let outcome: string;
  try {
    outcome = await ask(number);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    outcome = error.code;
  }
  ledger.end(number, outcome);
  return outcome;
}

async function publish(phone: GatewayClient, number: string): Promise<string> {
  const { status } = await phone.publish(TOPIC, number, { qos: 1, timeout: TIMEOUT_MS });
  return status === 200 ? ACKNOWLEDGED : `status ${status}`;
}

async function command(phone: GatewayClient, number: string): Promise<string> {
  const answer: Answer = await phone.callJeedom("cmd::execCmd", { id: number }, { timeout: TIMEOUT_MS });
  const isOwn = answer.status === 200 && isObject(answer.body) && answer.body["result"] === number;
  return isOwn ? ACKNOWLEDGED : "nonsense";
}
