/**
 * Who did what, and who tried: one line for each decision, and one a minute for all that no key opened.
 *
 * @module
 */
import type { Log } from "./log.ts";
import type { AnsweredRequest, Result, Telemetry } from "./telemetry.ts";

/** A decision over a request of somebody who proved a key. Never a payload, never a secret. */
export interface Decision {
  /** Id of the request. */
  readonly requestId: string;
  /** Name of the key. */
  readonly key: string;
  /** Id of the key. */
  readonly kid: string;
  /** Where it came from. */
  readonly address: string;
  /** The route. */
  readonly route: AnsweredRequest["route"];
  /** The service that was asked for, as far as it is known. */
  readonly service?: string | undefined;
  /** The method of Jeedom, or the topics. */
  readonly target?: string | undefined;
  /** What became of it: a status or a few words. */
  readonly outcome: string;
  /** The same in one word, with the answer; undefined for what came later, the end of a stream. */
  readonly result?: Result | undefined;
  /** How long it took, in milliseconds. */
  readonly ms: number;
  /** Length of the sealed answer or of all events, in bytes. */
  readonly bytes: number;
}

/** Where decisions are told. */
export interface Audit {
  /** Tells a decision. */
  decided(decision: Decision): void;
  /** Counts a request of an address that proved nothing. */
  failed(address: string): void;
  /** Tells what was counted and not yet told, and ends. */
  close(): void;
}

/** What the audit needs. */
export interface AuditOptions {
  /** The log for decisions, which drops none. */
  readonly decisions: Pick<Log, "info">;
  /** The log for the summaries. */
  readonly log: Pick<Log, "warn">;
  /** Where decisions are counted. */
  readonly telemetry: Pick<Telemetry, "answered">;
  /** How often the summary comes, in milliseconds. */
  readonly summaryMs: number;
}

/** Most addresses to count apart; the rest is counted together. */
const MAX_ADDRESSES = 10_000;

/** How many addresses the summary names. */
const NAMED_ADDRESSES = 10;

/** A topic may have 65,535 bytes, and a request a hundred of them. */
const MAX_TEXT = 200;

function shorten(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

/** Makes an audit that summarises failures until it is closed. */
export function createAudit({ decisions, log, telemetry, summaryMs }: AuditOptions): Audit {
  const failures = new Map<string, number>();
  let others = 0;

  function summarise(): void {
    if (failures.size === 0) return;
    const most = [...failures].sort(([, one], [, other]) => other - one);
    const total = most.reduce((sum, [, count]) => sum + count, others);
    log.warn("{total} requests in the last {seconds} s proved no key or were stale, most of them from {addresses}", {
      total,
      seconds: summaryMs / 1000,
      addresses: most.slice(0, NAMED_ADDRESSES).map(([address, count]) => `${address} (${count})`).join(", "),
    });
    failures.clear();
    others = 0;
  }

  const timer = setInterval(summarise, summaryMs);
  return {
    decided({ requestId, service, target = "-", outcome, result, ms, ...decision }) {
      if (result !== undefined) {
        telemetry.answered({ route: decision.route, service: service ?? "none", result, seconds: ms / 1000 });
      }
      decisions.info("{route} {service} {target} by {key} ({kid}) from {address}: {outcome}, {ms} ms, {bytes} bytes", {
        request: requestId,
        service: service ?? "-",
        target: shorten(target),
        outcome: shorten(outcome),
        ...decision,
        ms: Math.round(ms),
      });
    },
    failed(address) {
      const count = failures.get(address);
      if (count === undefined && failures.size >= MAX_ADDRESSES) others += 1;
      else failures.set(address, (count ?? 0) + 1);
    },
    close() {
      clearInterval(timer);
      summarise();
    },
  };
}
