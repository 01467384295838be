import { assert, assertEquals, assertRejects } from "@std/assert";
import { type FaultyJeedom, startFaultyJeedom } from "../../tools/support/faulty_jeedom.ts";
import { until } from "../support/deadline.ts";

interface Context {
  readonly jeedom: FaultyJeedom;
  /** Numbers of commands that ran. */
  readonly ran: string[];
  /** Sends a command. */
  ask(number: string, signal?: AbortSignal): Promise<Response>;
  /** Sends a command and returns the text of the answer. */
  call(number: string, signal?: AbortSignal): Promise<string>;
}

async function withJeedom(test: (context: Context) => Promise<void>): Promise<void> {
  const ran: string[] = [];
  const jeedom = await startFaultyJeedom(({ body }) => {
    const number: string = JSON.parse(body).params.id;
    ran.push(number);
    return number;
  });
  const client = Deno.createHttpClient({});
  const ask = (number: string, signal: AbortSignal | null = null) => {
    const json = JSON.stringify({ jsonrpc: "2.0", id: 99_999, method: "cmd::execCmd", params: { id: number } });
    // A blob: Deno resends a text by itself when the connection closes before the answer.
    return fetch(jeedom.url, { method: "POST", body: new Blob([json]), client, signal });
  };
  try {
    await test({ jeedom, ran, ask, call: async (number, signal) => await (await ask(number, signal)).text() });
  } finally {
    client.close();
    await jeedom.stop();
  }
}

const answerTo = (number: string) => JSON.stringify({ jsonrpc: "2.0", id: 99_999, result: number });

Deno.test("startFaultyJeedom() runs each command once and answers with its number", () =>
  withJeedom(async ({ ran, call }) => {
    assertEquals([await call("1"), await call("2")], [answerTo("1"), answerTo("2")]);
    assertEquals(ran, ["1", "2"]);
  }));

Deno.test("startFaultyJeedom() runs pending requests after it was frozen", () =>
  withJeedom(async ({ jeedom, ran, call }) => {
    jeedom.fault = "frozen";
    const waiting = call("1");
    const client = new AbortController();
    const aborted = assertRejects(() => call("2", client.signal));
    await until("both requests", () => jeedom.waiting === 2);
    client.abort();
    await aborted;
    assertEquals(ran, []);
    jeedom.fault = "normal";
    assertEquals(await waiting, answerTo("1"));
    await until("the aborted request has run, too", () => ran.length === 2);
  }));

Deno.test("startFaultyJeedom() runs nothing after stop(), and answers again after start()", () =>
  withJeedom(async ({ jeedom, ran, call }) => {
    await jeedom.stop();
    await assertRejects(() => call("1"), TypeError);
    await jeedom.start();
    assertEquals(await call("2"), answerTo("2"));
    assertEquals(ran, ["2"]);
  }));

Deno.test("startFaultyJeedom() closes reused connections when it is disconnecting, alternately before and after the call", () =>
  withJeedom(async ({ jeedom, ran, call }) => {
    jeedom.fault = "disconnecting";
    const outcomes: boolean[] = [];
    for (let number = 0; number < 8; number++) {
      outcomes.push(await call(String(number)).then(() => true, () => false));
    }
    const failed = outcomes.map((isGood, number) => isGood ? "" : String(number)).filter((number) => number !== "");
    assert(failed.some((number) => ran.includes(number)), "No call without an answer has run");
    assert(failed.some((number) => !ran.includes(number)), "All calls without an answer have run");
    assertEquals(new Set(ran).size, ran.length);
  }));

Deno.test("startFaultyJeedom() runs a command and sends an invalid answer when its fault is garbage", () =>
  withJeedom(async ({ jeedom, ran, call }) => {
    jeedom.fault = "garbage";
    for (const number of ["1", "2"]) assert(await call(number).catch(() => "no HTTP") !== answerTo(number));
    assertEquals(ran, ["1", "2"]);
  }));

Deno.test("startFaultyJeedom() runs a command and answers with more than 8 MiB when its fault is huge", () =>
  withJeedom(async ({ jeedom, ran, ask }) => {
    jeedom.fault = "huge";
    const { body } = await ask("1");
    let bytes = 0;
    // Breaking out of the loop cancels the rest.
    for await (const chunk of body ?? []) {
      bytes += chunk.length;
      if (bytes > 8 * 2 ** 20) break;
    }
    assert(bytes > 8 * 2 ** 20);
    assertEquals(ran, ["1"]);
  }));
