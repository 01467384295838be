/**
 * Audit: a log line for each decision about an opened request, and a summary of those that no key opened each minute.
 *
 * @module
 */
import type { Log } from "./log.ts";
import type { AnsweredRequest, Result, Telemetry } from "./telemetry.ts";

/** Decision about a request that a key opened. Holds no payload and no secret. */
export interface Decision {
  /** Id of the request. */
  readonly requestId: string;
  /** Name of the key. */
  readonly key: string;
  /** Id of the key. */
  readonly kid: string;
  /** Address of the client. */
  readonly address: string;
  /** Route. */
  readonly route: AnsweredRequest["route"];
  /** Requested service; undefined if it is unknown. */
  readonly service?: string | undefined;
  /** What the request is about, such as a method or topics. */
  readonly target?: string | undefined;
  /** HTTP status or reason. */
  readonly outcome: string;
  /** Result of the answer; undefined for the end of a stream, which comes after it. */
  readonly result?: Result | undefined;
  /** Time since the request, in milliseconds. */
  readonly ms: number;
  /** Length of the sealed answer or of all events, in bytes. */
  readonly bytes: number;
}

/** Receiver of decisions. */
export interface Audit {
  /** Logs a decision, and counts it if it is the answer of a request. */
  decided(decision: Decision): void;
  /** Counts a request that no key opened. */
  failed(address: string): void;
  /** Logs the last summary, and ends the timer. */
  close(): void;
}

/** Options of the audit. */
export interface AuditOptions {
  /** Log of decisions, which suppresses none. */
  readonly decisions: Pick<Log, "info">;
  /** Log of summaries. */
  readonly log: Pick<Log, "warn">;
  /** Telemetry that counts answered requests. */
  readonly telemetry: Pick<Telemetry, "answered">;
  /** Interval of the summaries, in milliseconds. */
  readonly summaryMs: number;
}

/** Most addresses with a count of their own; further ones share a count. */
const MAX_ADDRESSES = 10_000;

/** Number of addresses in a summary. */
const NAMED_ADDRESSES = 10;

/** Longest target or outcome, in characters: a topic may have 65,535 bytes, and a request a hundred topics. */
const MAX_TEXT = 200;

function shorten(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

/** Creates an audit that summarizes failures until it is closed. */
export function createAudit({ decisions, log, telemetry, summaryMs }: AuditOptions): Audit {
  const failures = new Map<string, number>();
  let otherFailures = 0;

  function summarize(): void {
    if (failures.size === 0) return;
    const sorted = [...failures].sort(([, one], [, other]) => other - one);
    const total = sorted.reduce((sum, [, count]) => sum + count, otherFailures);
    log.warn(
      "{total} requests in the last {seconds} s were opened by no key or expired, most of them from {addresses}",
      {
        total,
        seconds: summaryMs / 1000,
        addresses: sorted.slice(0, NAMED_ADDRESSES).map(([address, count]) => `${address} (${count})`).join(", "),
      },
    );
    failures.clear();
    otherFailures = 0;
  }

  const timer = setInterval(summarize, summaryMs);
  return {
    decided({ requestId, service, target = "-", outcome, address, route, key, kid, result, ms, bytes }) {
      if (result !== undefined) {
        telemetry.answered({ route, service: service ?? "none", result, seconds: ms / 1000 });
      }
      decisions.info("{route} {service} {target} by {key} ({kid}) from {address}: {outcome}, {ms} ms, {bytes} bytes", {
        request: requestId,
        service: service ?? "-",
        target: shorten(target),
        outcome: shorten(outcome),
        address,
        route,
        key,
        kid,
        bytes,
        ms: Math.round(ms),
      });
    },
    failed(address) {
      const count = failures.get(address);
      if (count === undefined && failures.size >= MAX_ADDRESSES) otherFailures += 1;
      else failures.set(address, (count ?? 0) + 1);
    },
    close() {
      clearInterval(timer);
      summarize();
    },
  };
}
