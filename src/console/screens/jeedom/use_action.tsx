/**
 * Run of an action of Jeedom, with the questions that Jeedom asks before.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { isObject } from "../../../lib/json.ts";
import { type CommandState, useCommand } from "../../commands/use_command.ts";
import { Confirm } from "../../components/confirm.tsx";
import { Dialog } from "../../components/dialog.tsx";
import type { Connection } from "../../connection/connection.ts";
import { useTranslated } from "../../context.tsx";
import { visibleText } from "../../text/visible.ts";
import { sendJeedom } from "./call.ts";
import { demandOf } from "./result.ts";
import { type Action, type JeedomValue, valueOf } from "./rooms.ts";
import { JEEDOM_TEXTS } from "./texts.ts";

/** Action with its options. */
export interface Order {
  /** Action. */
  readonly action: Action;
  /** Options of the action, such as the value of a slider. */
  readonly options?: Readonly<Record<string, string>> | undefined;
  /** Value that it sets. */
  readonly value?: JeedomValue | undefined;
}

/** Answers to Jeedom's questions. */
interface Answers {
  readonly isConfirmed?: boolean;
  readonly code?: string;
}

/** Run of actions of one control. */
export interface ActionRun {
  /** Command as the control shows it. */
  readonly command: CommandState<JeedomValue>;
  /** Runs an action, after the questions. */
  readonly start: (order: Order) => void;
  /** Dialog with a question; to be rendered beside the control. */
  readonly question: ComponentChildren;
}

/** Returns the run of actions. `onRan` is called after each one. */
export function useAction(connection: Connection, onRan: (action: Action) => void): ActionRun {
  const texts = useTranslated(JEEDOM_TEXTS);
  const [asked, setAsked] = useState<{ readonly order: Order; readonly what: "confirmation" | "code" } | undefined>();
  const [answer, setAnswer] = useState<string | undefined>(undefined);
  const command = useCommand<JeedomValue>(connection);

  function start(order: Order, { isConfirmed, code }: Answers = {}): void {
    const { action, options, value } = order;
    if (action.asksCode && code === undefined) return setAsked({ order, what: "code" });
    if (action.asksConfirmation && isConfirmed !== true) return setAsked({ order, what: "confirmation" });
    const params = {
      id: action.id,
      ...options === undefined ? {} : { options },
      ...isConfirmed === true ? { confirmAction: 1 } : {},
    };
    setAnswer(undefined);
    const work = async () => {
      await command.send({
        // The code is a secret, also from an onlooker at this screen.
        fields: { service: "jeedom", jsonrpc: "cmd::execCmd", params },
        value,
        work: async (client) => {
          try {
            const own = code === undefined ? params : { ...params, codeAccess: code };
            const result = await sendJeedom(client, "cmd::execCmd", own);
            const answered = isObject(result) ? valueOf(result["value"]) : undefined;
            if (answered !== undefined) setAnswer(visibleText(String(answered)));
          } catch (error) {
            const what = demandOf(error);
            if (what !== undefined && isConfirmed !== true) setAsked({ order, what });
            throw error;
          }
        },
      });
      onRan(action);
    };
    void work();
  }

  const close = () => setAsked(undefined);
  const { order, what } = asked ?? {};
  const name = order?.action.name ?? "";
  const isUnknown = order !== undefined && name === `#${order.action.id}`;
  return {
    command: answer === undefined || command.run.kind === "failed"
      ? command
      : { ...command, news: texts.answered(answer) },
    start: (order) => start(order),
    question: order === undefined ? null : what === "code"
      ? (
        <CodeDialog
          name={name}
          onCode={(code) => {
            close();
            start(order, { isConfirmed: true, code });
          }}
          onClose={close}
        />
      )
      : (
        <Confirm
          title={name}
          question={isUnknown ? texts.confirmUnknown(name) : texts.confirm(name)}
          confirm={texts.run}
          onConfirm={() => start(order, { isConfirmed: true })}
          onClose={close}
        />
      ),
  };
}

/** Dialog that asks for the access code of an action. */
function CodeDialog({ name, onCode, onClose }: {
  readonly name: string;
  readonly onCode: (code: string) => void;
  readonly onClose: () => void;
}) {
  const texts = useTranslated(JEEDOM_TEXTS);
  const id = useId();
  const [code, setCode] = useState("");
  return (
    <Dialog title={name} onClose={onClose} class="narrow">
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (code !== "") onCode(code);
        }}
      >
        <p>{texts.codeFor(name)}</p>
        <div class="form-field">
          <label for={id}>{texts.code}</label>
          <input
            id={id}
            class="field"
            type="password"
            autocomplete="off"
            required
            value={code}
            onInput={(event) => setCode(event.currentTarget.value)}
          />
        </div>
        <div class="buttons">
          <button type="submit" class="button primary">{texts.run}</button>
        </div>
      </form>
    </Dialog>
  );
}
