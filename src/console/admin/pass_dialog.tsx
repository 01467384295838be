/**
 * Form of a guest pass: the actions that the guest may run, the number of runs, and the end.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { useAdmin } from "./admin_context.tsx";
import { useAdminTexts } from "./admin_texts.ts";
import { changesOf, type Drafts, linesOf } from "./drafts.ts";
import { type Expiry, ExpiryField, TextField } from "./form_fields.tsx";
import { OfferFormDialog } from "./offer_form.tsx";
import { Choices, RightsFields } from "./rights_fields.tsx";
import type { OfferForm } from "./use_offer.ts";

/** Service that passes are mostly for, with its options. */
const ACTIONS = { service: "action", names: "action", uses: "uses" } as const;

/** Form; its result is a link with a QR code. */
export function PassDialog(form: OfferForm) {
  const texts = useAdminTexts().form;
  const [name, setName] = useState("");
  const [drafts, setDrafts] = useState<Drafts>({ [ACTIONS.uses]: "3" });
  const [expires, setExpires] = useState<Expiry>("2h");
  const services = useAdmin().options.value?.services ?? [];
  const actions = services.find(({ service }) => service === ACTIONS.service)?.choices[ACTIONS.names] ?? [];
  const onDraft = (name: string, draft: string | boolean) => setDrafts((earlier) => ({ ...earlier, [name]: draft }));
  // A number of runs is a limit of actions alone.
  const given = linesOf(drafts[ACTIONS.names]).length > 0 ? drafts : { ...drafts, [ACTIONS.uses]: "" };
  const values = { ...changesOf(given, {}, services), ...expires !== "never" && { expires } };
  return (
    <OfferFormDialog
      {...form}
      path="keys/add"
      title={texts.passTitle}
      lead={texts.passLead}
      body={{ ...name !== "" && { name }, isPass: true, values }}
    >
      <div class="form-field">
        <span class="label" id="pass-actions">{texts.passActions}</span>
        {actions.length === 0 ? <p class="quiet">{texts.noActions}</p> : (
          <Choices
            labelledBy="pass-actions"
            choices={actions}
            draft={drafts[ACTIONS.names]}
            onDraft={(draft) => onDraft(ACTIONS.names, draft)}
          />
        )}
      </div>
      <div class="form-pair">
        {actions.length > 0 && (
          <TextField
            label={texts.uses}
            value={String(drafts[ACTIONS.uses] ?? "")}
            placeholder={texts.noLimit}
            isNumeric
            onInput={(uses) => onDraft(ACTIONS.uses, uses)}
          />
        )}
        <ExpiryField value={expires} onChoose={setExpires} />
      </div>
      <TextField
        label={texts.name}
        value={name}
        placeholder={texts.guestName}
        about={texts.passNameAbout}
        onInput={setName}
      />
      <details class="more">
        <summary>{texts.moreRights}</summary>
        <RightsFields
          services={services.filter(({ service }) => service !== ACTIONS.service)}
          isNew
          drafts={drafts}
          onDraft={onDraft}
        />
      </details>
    </OfferFormDialog>
  );
}
