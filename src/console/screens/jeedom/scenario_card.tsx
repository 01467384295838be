/**
 * Card of one scenario: its state, and the buttons that run and stop it.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { ButtonsLine } from "../../commands/buttons_line.tsx";
import { useCommand } from "../../commands/use_command.ts";
import type { Connection } from "../../connection/connection.ts";
import { useTranslated } from "../../context.tsx";
import { sendJeedom } from "./call.ts";
import { QuestionDialog } from "./question_dialog.tsx";
import type { Scenario } from "./scenarios.ts";
import { JEEDOM_TEXTS } from "./texts.ts";
import type { Values } from "./values.ts";

/** Properties of the card. */
export interface ScenarioCardProps {
  /** Scenario. */
  readonly scenario: Scenario;
  /** States of scenarios. */
  readonly states: Values;
  /** Connection to the home. */
  readonly connection: Connection;
  /** True if the key may run scenarios. */
  readonly mayRun: boolean;
  /** True while nothing can be sent. */
  readonly isOffline: boolean;
}

/** Card of a scenario. */
export function ScenarioCard({ scenario, states, connection, mayRun, isOffline }: ScenarioCardProps) {
  const { id, name, isActive, isUnknown } = scenario;
  const texts = useTranslated(JEEDOM_TEXTS);
  const { run, news, send } = useCommand<never>(connection);
  const [isAsking, setIsAsking] = useState(false);
  const state = states.of(id).value;
  const words = typeof state === "string" && Object.hasOwn(texts.scenarioStates, state)
    ? texts.scenarioStates[state]
    : undefined;
  const isRunning = state === "in progress" || state === "starting";
  const change = (state: "run" | "stop") => {
    const params = { id, state };
    void send({
      fields: { service: "jeedom", jsonrpc: "scenario::changeState", params },
      work: (client) => sendJeedom(client, "scenario::changeState", params),
    });
  };
  const runButton = { id: "run", label: texts.run, onPress: () => isUnknown ? setIsAsking(true) : change("run") };
  const stopButton = { id: "stop", label: texts.stop, onPress: () => change("stop") };
  return (
    <article class="unit" aria-label={name}>
      <div>
        <h3>
          <bdi>{name}</bdi>
        </h3>
        {isActive ? words !== undefined && <p class="quiet">{words}</p> : <p class="quiet">{texts.disabled}</p>}
      </div>
      {mayRun && isActive && (
        <ButtonsLine
          label={texts.actions(name)}
          run={run}
          news={news}
          isDisabled={isOffline || run.kind === "sent"}
          buttons={isRunning ? [runButton, stopButton] : [runButton]}
        />
      )}
      {isAsking && (
        <QuestionDialog
          question="unknown"
          name={name}
          onAnswer={() => change("run")}
          onClose={() => setIsAsking(false)}
        />
      )}
    </article>
  );
}
