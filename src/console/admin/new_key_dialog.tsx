/**
 * Form of a new device.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { useAdmin } from "./admin_context.tsx";
import { useAdminTexts } from "./admin_texts.ts";
import { changesOf, type Drafts } from "./drafts.ts";
import { type Expiry, ExpiryField, TextField } from "./form_fields.tsx";
import { OfferFormDialog } from "./offer_form.tsx";
import { RightsFields } from "./rights_fields.tsx";
import type { OfferForm } from "./use_offer.ts";

/** Form; its result is a link with a QR code. */
export function NewKeyDialog(form: OfferForm) {
  const texts = useAdminTexts().form;
  const [name, setName] = useState("");
  const [isChosen, setIsChosen] = useState(false);
  const [drafts, setDrafts] = useState<Drafts>({});
  const [expires, setExpires] = useState<Expiry>("never");
  const services = useAdmin().options.value?.services ?? [];
  const values = { ...isChosen && changesOf(drafts, {}, services), ...expires !== "never" && { expires } };
  return (
    <OfferFormDialog {...form} path="keys/add" title={texts.addTitle} lead={texts.addLead} body={{ name, values }}>
      <TextField
        label={texts.name}
        value={name}
        placeholder={texts.deviceName}
        about={texts.nameAbout}
        onInput={setName}
      />
      <div class="form-field">
        <span class="visually-hidden" id="rights-choice">{texts.rights}</span>
        <div class="segments" role="group" aria-labelledby="rights-choice">
          <button type="button" aria-pressed={!isChosen} onClick={() => setIsChosen(false)}>{texts.everyday}</button>
          <button type="button" aria-pressed={isChosen} onClick={() => setIsChosen(true)}>{texts.choose}</button>
        </div>
        <small>
          {isChosen
            ? texts.chooseAbout
            : texts.everydayAbout(services.filter(({ isEveryday }) => isEveryday).map(({ title }) => title))}
        </small>
      </div>
      {isChosen && (
        <RightsFields
          services={services}
          isNew
          drafts={drafts}
          onDraft={(name, draft) => setDrafts((earlier) => ({ ...earlier, [name]: draft }))}
        />
      )}
      <ExpiryField value={expires} onChoose={setExpires} />
    </OfferFormDialog>
  );
}
