/**
 * Run of one action from its tile, with its cool-down.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { coolDownOf } from "../../../commands/outcome.ts";
import { type CommandState, useCommand } from "../../../commands/use_command.ts";
import type { Connection } from "../../../connection/connection.ts";
import { useApp } from "../../../context.tsx";
import type { HomeAction, ParamValue, Uses } from "./action_list.ts";
import { countDown } from "./count_down.ts";

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
  /** Seconds until the action can run again; 0 where it can. */
  readonly coolDownSeconds: number;
  /** Sends the action. */
  readonly start: (params: Readonly<Record<string, ParamValue>>) => Promise<void>;
}

/** Returns the run of an action. */
export function useRun({ connection, action, uses, onRan }: RunOptions): Running {
  const { now } = useApp().browser;
  const [readyAt, setReadyAt] = useState(0);
  const [coolDownSeconds, setCoolDownSeconds] = useState(0);
  const command = useCommand<ParamValue>(connection, { usesLeft: uses?.left, onRan });

  useEffect(() => countDown(readyAt, { now, onSeconds: setCoolDownSeconds }), [readyAt]);

  function coolDown(ms: number): void {
    if (ms <= 0) return;
    setReadyAt(now() + ms);
    // At once: between the answer and the first count, the button does nothing either.
    setCoolDownSeconds(Math.ceil(ms / 1000));
  }

  return {
    command,
    coolDownSeconds,
    start: (params) =>
      command.send({
        fields: { service: "action", name: action.name, params },
        value: Object.values(params)[0],
        async work(client) {
          try {
            await client.action(action.name, params);
            coolDown(action.coolDownMs);
          } catch (error) {
            coolDown(coolDownOf(error));
            throw error;
          }
        },
      }),
  };
}
