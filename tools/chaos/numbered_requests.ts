/** Numbered requests of clients under chaos, and the record of their outcomes. */
import { type Answer, type GatewayClient, GatewayError } from "../../src/client/gateway_client.ts";
import { isObject } from "../../src/lib/json.ts";
import { type FaultyJeedom, startFaultyJeedom } from "../support/faulty_jeedom.ts";
import { ACKNOWLEDGED, type RequestTracker } from "./request_tracker.ts";

/** Options of a request. */
export interface NumberedRequestOptions {
  /** Longest wait for the answer, in milliseconds. */
  readonly timeout: number;
}

/** Sends one numbered request and records its outcome. */
export async function sendOnce(
  tracker: RequestTracker,
  sender: string,
  request: (number: string) => Promise<string>,
): Promise<string> {
  const number = tracker.send(sender);
  let outcome: string;
  try {
    outcome = await request(number);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    outcome = error.code;
  }
  tracker.finish(number, outcome);
  return outcome;
}

/** Publishes a number; returns the outcome. */
export async function publishNumber(
  client: GatewayClient,
  topic: string,
  number: string,
  { timeout }: NumberedRequestOptions,
): Promise<string> {
  const { status } = await client.publish(topic, number, { qos: 1, timeout });
  return status === 200 ? ACKNOWLEDGED : `status ${status}`;
}

/** Runs a command of Jeedom that answers its number; returns the outcome. */
export async function commandNumber(
  client: GatewayClient,
  number: string,
  { timeout }: NumberedRequestOptions,
): Promise<string> {
  const answer: Answer = await client.callJeedom("cmd::execCmd", { id: number }, { timeout });
  const isOwn = answer.status === 200 && isObject(answer.body) && answer.body["result"] === number;
  return isOwn ? ACKNOWLEDGED : "wrong answer";
}

/** Starts a Jeedom that counts these commands. */
export function startCountingJeedom(commands: RequestTracker): Promise<FaultyJeedom> {
  return startFaultyJeedom(({ body }) => {
    const { method, params }: { method: string; params: { id?: string } } = JSON.parse(body);
    // Clients use it to check whether the gateway serves them.
    if (method === "ping") return "pong";
    commands.execute(String(params.id));
    return params.id;
  });
}
