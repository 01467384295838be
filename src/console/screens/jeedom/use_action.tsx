/**
 * Run of an action of Jeedom, after the questions that it needs.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { isObject } from "../../../lib/json.ts";
import { type CommandState, useCommand } from "../../commands/use_command.ts";
import type { Connection } from "../../connection/connection.ts";
import { useTranslated } from "../../context.tsx";
import { visibleText } from "../../text/visible.ts";
import { sendJeedom } from "./call.ts";
import { type Answers, type Question, QuestionDialog } from "./question_dialog.tsx";
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
  const [asked, setAsked] = useState<{ readonly order: Order; readonly question: Question } | undefined>();
  const [answer, setAnswer] = useState<string | undefined>(undefined);
  const command = useCommand<JeedomValue>(connection);

  function start(order: Order, { code, isConfirmed }: Answers = {}): void {
    const { action, options, value } = order;
    const ask = (question: Question) => setAsked({ order, question });
    if (action.subType === "message" && options === undefined) return ask("message");
    if (action.asksCode && code === undefined) return ask("code");
    if (action.asksConfirmation && isConfirmed !== true) return ask(isUnknown(action) ? "unknown" : "confirmation");
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
            const question = demandOf(error);
            if (question !== undefined && isConfirmed !== true) ask(question);
            throw error;
          }
        },
      });
      onRan(action);
    };
    void work();
  }

  return {
    command: answer === undefined || command.run.kind === "failed"
      ? command
      : { ...command, news: texts.answered(answer) },
    start: (order) => start(order),
    question: asked === undefined ? null : (
      <QuestionDialog
        question={asked.question}
        name={asked.order.action.name}
        onAnswer={({ options, ...answers }) => {
          setAsked(undefined);
          start({ ...asked.order, options: options ?? asked.order.options }, answers);
        }}
        // The event of a dialog that is gone comes later, and must not close the next question.
        onClose={() => setAsked((now) => now === asked ? undefined : now)}
      />
    ),
  };
}

/** Returns whether only the id of an action is known. */
function isUnknown({ id, name }: Action): boolean {
  return name === `#${id}`;
}
