/**
 * Run of one action from its tile, with its cool-down.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { type CommandState, useCommand } from "../../../commands/use_command.ts";
import type { Connection } from "../../../connection/connection.ts";
import { useApp } from "../../../context.tsx";
import type { HomeAction, ParamValue, Uses } from "./action_list.ts";

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
  /** Command that runs the action. */
  readonly command: CommandState<ParamValue>;
  /** True until the action may run again. */
  readonly isCoolingDown: boolean;
  /** Sends the action. */
  readonly start: (params: Readonly<Record<string, ParamValue>>) => Promise<void>;
}

/** Returns the run of an action. */
export function useRun({ connection, action, uses, onRan }: RunOptions): Running {
  const { now } = useApp().browser;
  const [readyAt, setReadyAt] = useState(0);
  const command = useCommand<ParamValue>(connection, { usesLeft: uses?.left, onRan });

  useEffect(() => {
    const ms = readyAt - now();
    if (ms <= 0) return;
    const timer = setTimeout(() => setReadyAt(0), ms);
    return () => clearTimeout(timer);
  }, [readyAt]);

  return {
    command,
    isCoolingDown: readyAt > 0,
    start: (params) =>
      command.send({
        fields: { service: "action", name: action.name, params },
        value: Object.values(params)[0],
        async work(client) {
          await client.action(action.name, params);
          if (action.coolDownMs > 0) setReadyAt(now() + action.coolDownMs);
        },
      }),
  };
}
