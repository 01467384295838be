/**
 * Run of one action from its tile: sends it once, and tells the outcome.
 *
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Connection } from "../../../connection/connection.ts";
import { useApp } from "../../../context.tsx";
import type { HomeAction, ParamValue, Uses } from "./action_list.ts";
import { countDown } from "./count_down.ts";
import { coolDownOf, outcomeOf, type Run } from "./outcome.ts";

/** Time for which an outcome is shown, in milliseconds: long for one that asks to look. */
const SHOWN_MS = { idle: 0, sent: 0, done: 3000, failed: 12_000, unknown: 60_000 } as const;

/** What a run needs. */
export interface RunOptions {
  /** Connection to the home. */
  readonly connection: Connection;
  /** Action. */
  readonly action: HomeAction;
  /** Runs that the key has left. */
  readonly uses: Uses | undefined;
  /** Called after each run, whatever its outcome, as any state may have changed. */
  readonly onRan: () => void;
}

/** Run as a tile shows it. */
export interface Running {
  /** Outcome of the last run. */
  readonly run: Run;
  /** Seconds until the action can run again; 0 where it can. */
  readonly coolDownSeconds: number;
  /** Value that was sent and is not confirmed by the state yet. */
  readonly pending: ParamValue | undefined;
  /** Sends the action. */
  readonly start: (params: Readonly<Record<string, ParamValue>>) => Promise<void>;
}

/** Returns the run of an action. */
export function useRun({ connection, action, uses, onRan }: RunOptions): Running {
  const { now } = useApp().browser;
  const [run, setRun] = useState<Run>({ kind: "idle" });
  const [readyAt, setReadyAt] = useState(0);
  const [coolDownSeconds, setCoolDownSeconds] = useState(0);
  const [pending, setPending] = useState<ParamValue | undefined>(undefined);
  const isRunning = useRef(false);

  useEffect(() => {
    const ms = SHOWN_MS[run.kind];
    if (ms === 0) return;
    const timer = setTimeout(() => setRun({ kind: "idle" }), ms);
    return () => clearTimeout(timer);
  }, [run]);

  useEffect(() => countDown(readyAt, { now, onSeconds: setCoolDownSeconds }), [readyAt]);

  function coolDown(ms: number): void {
    if (ms <= 0) return;
    setReadyAt(now() + ms);
    // At once: between the answer and the first count, the button does nothing either.
    setCoolDownSeconds(Math.ceil(ms / 1000));
  }

  async function start(params: Readonly<Record<string, ParamValue>>): Promise<void> {
    if (isRunning.current) return;
    isRunning.current = true;
    setRun({ kind: "sent" });
    const [value] = Object.values(params);
    setPending(value);
    try {
      const request = { service: "action", name: action.name, params };
      await connection.request(request, (client) => client.action(action.name, params));
      setRun({ kind: "done" });
      coolDown(action.coolDownMs);
    } catch (error) {
      const outcome = outcomeOf(error, { isOnline: navigator.onLine, usesLeft: uses?.left });
      setRun(outcome);
      coolDown(coolDownOf(error));
      // The control shows the state again: what was asked for did not happen, or is not known to have.
      setPending(undefined);
    } finally {
      isRunning.current = false;
      onRan();
    }
  }

  return { run, coolDownSeconds, pending, start };
}
