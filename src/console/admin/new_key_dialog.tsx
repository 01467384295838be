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
import { Segments } from "../components/segments.tsx";

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
        <Segments
          labelledBy="rights-choice"
          choices={[false, true]}
          value={isChosen}
          text={(own) => own ? texts.choose : texts.everyday}
          onChoose={setIsChosen}
        />
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
