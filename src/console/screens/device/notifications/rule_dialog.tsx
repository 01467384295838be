/**
 * Dialog that writes a rule.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { GatewayError, type PushRule } from "@e2e-gateway/client";
import { Dialog } from "../../../components/dialog.tsx";
import { useTranslated } from "../../../context.tsx";
import { ActionFields, ConditionFields, MessageFields, SourceFields, TimeFields } from "./rule_fields.tsx";
import { GATEWAY_TEXTS } from "./gateway_texts.ts";
import { draftOf, newDraft, type RuleDraft, ruleOf, SOURCE_KINDS } from "./rule_draft.ts";
import { type RuleFault, ruleFault } from "./rule_fault.ts";
import type { RulesProps } from "./rules.tsx";
import { NOTIFICATION_TEXTS } from "./texts.ts";

/** Properties of the dialog. */
export interface RuleDialogProps extends RulesProps {
  /** Rule that is changed; undefined for a new one. */
  readonly rule: PushRule | undefined;
  /** Called when it is closed. */
  readonly onClose: () => void;
}

/** Dialog with the form of a rule. */
export function RuleDialog({ connection, push, rule, onClose }: RuleDialogProps) {
  const texts = useTranslated(NOTIFICATION_TEXTS);
  const gatewayTexts = useTranslated(GATEWAY_TEXTS);
  const kinds = SOURCE_KINDS.filter((kind) => push.state?.sources.includes(kind));
  const [draft, setDraft] = useState<RuleDraft>(() =>
    rule === undefined ? newDraft(kinds[0] ?? "topics") : draftOf(rule)
  );
  const [fault, setFault] = useState<RuleFault | undefined>(undefined);
  const [isBusy, setIsBusy] = useState(false);

  async function save(): Promise<void> {
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    const names = push.state?.rules.map(({ name }) => name) ?? [];
    const changed = ruleOf(draft, { rule, names, timeZone });
    setIsBusy(true);
    setFault(undefined);
    try {
      await connection.request({ service: "push", rule: changed }, (client) => client.pushSetRule(changed));
      await push.refresh();
      onClose();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const isTold = error.gatewayCode !== undefined;
      setFault(isTold ? ruleFault(error, gatewayTexts) : { field: undefined, text: texts.form.unsaved });
    } finally {
      setIsBusy(false);
    }
  }

  const fields = {
    draft,
    fault,
    connection,
    change: (changes: Partial<RuleDraft>) => setDraft((draft) => ({ ...draft, ...changes })),
  };
  return (
    <Dialog title={rule === undefined ? texts.addRule : texts.changeRule} onClose={onClose}>
      <form
        class="form rule"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <SourceFields {...fields} kinds={kinds} />
        <ConditionFields {...fields} />
        <MessageFields {...fields} />
        <TimeFields {...fields} />
        <ActionFields {...fields} />
        {fault !== undefined && fault.field === undefined && <p class="alert" role="alert">{fault.text}</p>}
        <div class="buttons">
          <button type="submit" class="button primary" disabled={isBusy}>
            {isBusy ? texts.form.saving : texts.form.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
