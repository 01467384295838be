/**
 * Buttons of the actions of one equipment that take no value, and of those that take a message.
 *
 * @module
 */
import { ButtonsLine } from "../../commands/buttons_line.tsx";
import type { JeedomControlProps } from "./action_line.tsx";
import type { Action } from "./rooms.ts";
import { useAction } from "./use_action.tsx";

/** Buttons of actions. */
export function ActionButtons(
  { label, actions, connection, isOffline, onRan }: Omit<JeedomControlProps, "values" | "historyOf"> & {
    readonly label: string;
    readonly actions: readonly Action[];
  },
) {
  const { command: { run, news }, start, question } = useAction(connection, onRan);
  return (
    <>
      <ButtonsLine
        label={label}
        run={run}
        news={news}
        isDisabled={isOffline || run.kind === "sent"}
        buttons={actions.map((action) => ({
          id: String(action.id),
          label: action.name,
          onPress: () => start({ action }),
        }))}
      />
      {question}
    </>
  );
}
