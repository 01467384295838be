/** Sends fuzz requests to a gateway over several connections and checks every answer. */
import { forEachConcurrent, range } from "../support/concurrency.ts";
import { type AnswerCheck, checkAnswer } from "./check_answer.ts";
import type { FuzzRequest } from "./fuzz_request.ts";
import { type RawAnswer, RawConnection } from "./raw_connection.ts";
import type { Target } from "./target.ts";

/** Counts of the requests of a run. */
export interface FuzzCounts {
  /** Requests made. */
  requests: number;
  /** Outcomes with their numbers, by kind of request. */
  readonly outcomes: Map<string, Map<string, number>>;
  /** Executed requests, according to the answers. */
  readonly executed: { publish: number; call: number };
  /** Descriptions of the first faults. */
  readonly faults: string[];
  /** Number of faults. */
  faultCount: number;
  /** Number of faults by kind of request. */
  readonly faultsByKind: Map<string, number>;
}

/** Options of {@linkcode runRequests}. */
export interface RunRequestsOptions {
  /** Ports of the gateway. */
  readonly ports: Target["ports"];
  /** Makes the request with an index. */
  readonly make: (index: number) => Promise<FuzzRequest>;
  /** Indexes of the requests: from the first up to but not including the last. */
  readonly indexes: { readonly from: number; readonly to: number };
  /** Connections to use at a time. */
  readonly connections: number;
}

/** Receivers of the results of one request. */
interface Reporter {
  readonly outcome: (request: FuzzRequest, outcome: string) => void;
  readonly fault: (fault: string) => void;
  readonly next: (requests: FuzzRequest[]) => void;
}

/** Longest wait for a required answer, in milliseconds: longer than any timeout of the gateway. */
const REQUIRED_MS = 30_000;

/** Longest wait for an optional answer, in milliseconds. */
const OPTIONAL_MS = 100;

const MAX_FAULTS = 20;

/** Returns zero counts. */
export function createCounts(): FuzzCounts {
  return {
    requests: 0,
    outcomes: new Map(),
    executed: { publish: 0, call: 0 },
    faults: [],
    faultCount: 0,
    faultsByKind: new Map(),
  };
}

/** Sends all requests and adds their results to the counts. */
export async function runRequests(
  { ports, make, indexes, connections }: RunRequestsOptions,
  counts: FuzzCounts,
): Promise<void> {
  const idle: RawConnection[] = [];

  function countOutcome(request: FuzzRequest, outcome: string): void {
    const outcomes = counts.outcomes.get(request.kind) ?? new Map<string, number>();
    counts.outcomes.set(request.kind, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1));
  }

  async function runIndex(index: number): Promise<void> {
    let reused = idle.pop();
    counts.requests += 1;
    // Follow-up requests are appended during the iteration.
    const requests = [await make(index)];
    for (const request of requests) {
      const fault = (description: string) => {
        counts.faultCount += 1;
        counts.faultsByKind.set(request.kind, (counts.faultsByKind.get(request.kind) ?? 0) + 1);
        if (counts.faults.length < MAX_FAULTS) {
          counts.faults.push(`Request ${index}, ${request.kind}: ${description}`);
        }
      };
      try {
        const reporter = { outcome: countOutcome, fault, next: (more: FuzzRequest[]) => void requests.push(...more) };
        reused = await perform(request, reused, reporter);
      } catch (error) {
        reused?.close();
        reused = undefined;
        fault(String(error));
      }
    }
    if (reused !== undefined) idle.push(reused);
  }

  /** Sends one request; returns the connection that can be reused for the next. */
  async function perform(
    request: FuzzRequest,
    reused: RawConnection | undefined,
    reporter: Reporter,
  ): Promise<RawConnection | undefined> {
    const port = ports[request.port];
    const { reusesConnection = false } = request;
    let connection = reusesConnection && reused !== undefined ? reused : await RawConnection.open(port);
    let isOpen = false;
    try {
      await connection.send(request.bytes);
      if (request.disconnects) {
        reporter.outcome(request, "disconnected");
        return reused;
      }
      let answer = await readFirst(connection, request);
      if (answer === undefined && reusesConnection && connection === reused) {
        // The gateway had already closed the connection: the same bytes may be sent again.
        connection = await RawConnection.open(port);
        await connection.send(request.bytes);
        answer = await readFirst(connection, request);
      }
      for (let at = 0;; at++) {
        if (answer === undefined) {
          reporter.outcome(request, "no answer");
          if (at < (request.answers ?? 0)) reporter.fault(`${at} answers of ${request.answers}`);
          break;
        }
        const check = await checkAnswer(answer, { port: request.port, exchange: request.exchanges?.[at] });
        report(request, answer, check, reporter);
        isOpen = answer.isOpen;
        if (request.next !== undefined && isSuccess(check)) reporter.next(await request.next(answer));
        if (at + 1 >= (request.answers ?? 1) || !isOpen) break;
        answer = await connection.read(REQUIRED_MS);
      }
      if (reusesConnection && isOpen) return connection;
      return reusesConnection ? undefined : reused;
    } finally {
      if (!reusesConnection || !isOpen) connection.close();
    }
  }

  function report(request: FuzzRequest, answer: RawAnswer, check: AnswerCheck, { outcome, fault }: Reporter): void {
    const { executed, text = "" } = check;
    outcome(request, check.outcome);
    if (check.fault !== undefined) fault(check.fault);
    // Any request may exceed a limit.
    const isLimited = /429|503/.test(check.outcome);
    if (request.mustRepeat !== undefined) {
      if (answer.body !== request.mustRepeat && !isLimited) fault(`Repeat got another answer: ${check.outcome}`);
      return;
    }
    if (executed !== undefined) counts.executed[executed] += 1;
    const { mustHaveStatus = answer.status } = request;
    const excerpt = `${check.outcome} ${text.slice(0, 200)}`;
    if (answer.status !== mustHaveStatus) fault(`Status ${answer.status}, not ${mustHaveStatus}`);
    if (request.mustFail && isSuccess(check)) fault("Executed");
    if (isLimited) return;
    if (request.mustSucceed && !isSuccess(check)) fault(`Not executed: ${excerpt}`);
    if (request.mustRefuse && check.isRefusal !== true) fault(`Not refused: ${excerpt}`);
    if (request.mustContain !== undefined && !text.includes(request.mustContain)) {
      fault(`Not refused with "${request.mustContain}": ${excerpt}`);
    }
  }

  await forEachConcurrent(range(indexes.from, indexes.to), connections, runIndex);
  for (const connection of idle) connection.close();
}

function isSuccess({ executed, outcome }: AnswerCheck): boolean {
  return executed !== undefined || outcome === "200 connected";
}

async function readFirst(connection: RawConnection, { answers, ...expected }: FuzzRequest) {
  try {
    return await connection.read(answers === undefined ? OPTIONAL_MS : REQUIRED_MS, expected);
  } catch (error) {
    // Input that is not HTTP/1.1 may be answered by anything, such as frames of HTTP/2.
    if (answers === undefined) return undefined;
    throw error;
  }
}
