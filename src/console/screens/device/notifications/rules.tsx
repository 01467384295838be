/**
 * Rules of the key.
 *
 * @module
 */
import { useState } from "preact/hooks";
import type { PushRule } from "@e2e-gateway/client";
import { Confirm } from "../../../components/confirm.tsx";
import { Icon } from "../../../components/icon.tsx";
import type { Connection } from "../../../connection/connection.ts";
import { useTranslated } from "../../../context.tsx";
import { visibleText } from "../../../text/visible.ts";
import { RuleDialog } from "./rule_dialog.tsx";
import { ruleWords } from "./rule_words.ts";
import { NOTIFICATION_TEXTS } from "./texts.ts";
import type { KnownPush } from "./use_push.ts";

/** Properties of the card. */
export interface RulesProps {
  /** Connection to the home. */
  readonly connection: Connection;
  /** Push messages of the key. */
  readonly push: KnownPush;
}

/** List of rules, with what changes them. */
export function Rules({ connection, push }: RulesProps) {
  const texts = useTranslated(NOTIFICATION_TEXTS);
  const [edited, setEdited] = useState<{ readonly rule: PushRule | undefined } | undefined>(undefined);
  const [removed, setRemoved] = useState<PushRule | undefined>(undefined);
  const { rules = [], maxRules = 0, sources = [] } = push.state ?? {};
  return (
    <section class="card notifications" aria-label={texts.rules}>
      <h2>{texts.rules}</h2>
      <p class={push.state === undefined ? "quiet pending" : "quiet"}>
        {rules.length === 0 ? texts.noRules : texts.rulesLead}
      </p>
      <ul class="homes rules">
        {rules.map((rule) => (
          <li key={rule.name}>
            <span class="text">
              <b>
                <bdi>{visibleText(rule.title)}</bdi>
              </b>
              <bdi class="quiet">{visibleText(ruleWords(rule, texts.words))}</bdi>
            </span>
            <button type="button" class="button plain small" onClick={() => setEdited({ rule })}>
              {texts.change}
              <span class="visually-hidden">{visibleText(rule.title)}</span>
            </button>
            <button
              type="button"
              class="round"
              aria-label={`${texts.remove}: ${visibleText(rule.title)}`}
              disabled={push.isBusy}
              onClick={() => setRemoved(rule)}
            >
              <Icon name="trash" />
            </button>
          </li>
        ))}
      </ul>
      <button
        type="button"
        class="button plain"
        disabled={rules.length >= maxRules || sources.length === 0}
        onClick={() => setEdited({ rule: undefined })}
      >
        <Icon name="plus" />
        {texts.addRule}
      </button>
      {edited !== undefined && (
        <RuleDialog
          connection={connection}
          push={push}
          rule={edited.rule}
          onClose={() => setEdited(undefined)}
        />
      )}
      {removed !== undefined && (
        <Confirm
          title={texts.remove}
          question={texts.removeRule(visibleText(removed.title))}
          confirm={texts.remove}
          isDanger
          onConfirm={() =>
            void push.send({ removeRule: removed.name }, (client) => client.pushRemoveRule(removed.name))}
          onClose={() => setRemoved(undefined)}
        />
      )}
    </section>
  );
}
