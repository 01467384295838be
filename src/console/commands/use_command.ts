/**
 * Command to a device: sends it once at a time, and tells the outcome.
 *
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { GatewayClient } from "@e2e-gateway/client";
import type { Connection } from "../connection/connection.ts";
import { useTexts } from "../context.tsx";
import { visibleText } from "../text/visible.ts";
import { outcomeOf, type Run } from "./outcome.ts";
import { runText } from "./run_text.ts";
import { ServiceRefusal } from "./service_refusal.ts";

/** Time for which an outcome is shown, in milliseconds: long for one that asks to look. */
const SHOWN_MS = { idle: 0, sent: 0, done: 3000, failed: 12_000, unknown: 60_000 } as const;

/** One command. */
export interface CommandRequest<T> {
  /** Fields of the request, to show it beside its envelope. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Sends the request. Throws if the service refuses it. */
  readonly work: (client: GatewayClient) => Promise<unknown>;
  /** Value that it sets. */
  readonly value?: T | undefined;
}

/** Options of the commands of one control. */
export interface CommandOptions {
  /** Number of runs that the key has left; undefined where they are not limited. */
  readonly usesLeft?: number | undefined;
  /** Called after each command, whatever its outcome, as any state may have changed. */
  readonly onRan?: (() => void) | undefined;
}

/** Command as its control shows it. */
export interface CommandState<T> {
  /** Outcome of the last one. */
  readonly run: Run;
  /** Outcome in words; undefined while there is nothing to tell. */
  readonly news: string | undefined;
  /**
   * Returns the value to show for one that the device reports: the sent one until the device has had the time to report it,
   * and where it reports none.
   */
  readonly shown: (reported: T | undefined) => T | undefined;
  /** Sends a command; does nothing while another one is under way. */
  readonly send: (request: CommandRequest<T>) => Promise<void>;
}

/** Returns the state of the commands of one control. */
export function useCommand<T>(
  connection: Connection,
  { usesLeft, onRan }: CommandOptions = {},
): CommandState<T> {
  const texts = useTexts().home;
  const [run, setRun] = useState<Run>({ kind: "idle" });
  const [detail, setDetail] = useState<string | undefined>(undefined);
  const [sent, setSent] = useState<T | undefined>(undefined);
  const isRunning = useRef(false);

  useEffect(() => {
    const ms = SHOWN_MS[run.kind];
    if (ms === 0) return;
    const timer = setTimeout(() => setRun({ kind: "idle" }), ms);
    return () => clearTimeout(timer);
  }, [run]);

  async function send({ fields, work, value }: CommandRequest<T>): Promise<void> {
    if (isRunning.current) return;
    isRunning.current = true;
    setRun({ kind: "sent" });
    setDetail(undefined);
    setSent(value);
    try {
      await connection.request(fields, work);
      setRun({ kind: "done" });
    } catch (error) {
      if (error instanceof ServiceRefusal) {
        setRun({ kind: "failed", reason: "service" });
        setDetail(visibleText(error.message));
      } else setRun(outcomeOf(error, { isOnline: navigator.onLine, usesLeft }));
      // The control shows the state again: what was asked for did not happen, or is not known to have.
      setSent(undefined);
    } finally {
      isRunning.current = false;
      onRan?.();
    }
  }

  const isFresh = run.kind === "sent" || run.kind === "done";
  return {
    run,
    news: detail === undefined || run.kind !== "failed" ? runText(run, texts) : detail,
    shown: (reported) => isFresh ? sent ?? reported : reported ?? sent,
    send,
  };
}
