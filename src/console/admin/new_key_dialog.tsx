/**
 * Form of a new device, or of a guest pass.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { Dialog } from "../components/dialog.tsx";
import { useTexts } from "../context.tsx";
import { useAdminTexts } from "./admin_texts.ts";
import { useAdmin } from "./admin_context.tsx";
import type { PairingOffer } from "./api.ts";
import {
  AddressField,
  type Drafts,
  type Expiry,
  ExpiryField,
  Mistakes,
  RightsFields,
  TextField,
  valuesOf,
} from "./form_fields.tsx";

/** Properties of the form. */
export interface NewKeyDialogProps {
  /** True for a guest pass. */
  readonly isPass: boolean;
  /** Shows the link. */
  readonly onOffer: (offer: PairingOffer) => void;
  /** Called when it is closed. */
  readonly onClose: () => void;
}

/** Form; its result is a link with a QR code. */
export function NewKeyDialog({ isPass, onOffer, onClose }: NewKeyDialogProps) {
  const state = useAdmin();
  const texts = useAdminTexts().form;
  const cancel = useTexts().app.cancel;
  const [name, setName] = useState("");
  const [isChosen, setIsChosen] = useState(isPass);
  const [drafts, setDrafts] = useState<Drafts>({});
  const [expires, setExpires] = useState<Expiry>(isPass ? "2h" : "never");
  const [url, setUrl] = useState(state.address);
  const [mistakes, setMistakes] = useState<string | undefined>(undefined);
  const [isBusy, setIsBusy] = useState(false);
  const services = state.options.value?.services ?? [];

  async function submit(): Promise<void> {
    setIsBusy(true);
    let offer: PairingOffer | undefined;
    const refused = await state.attempt(async () => {
      offer = await state.api.post<PairingOffer>("keys/add", {
        ...name === "" && isPass ? {} : { name },
        isPass,
        values: {
          ...isChosen ? valuesOf(drafts, services) : {},
          ...expires === "never" || expires === "" ? {} : { expires },
        },
        ...url === "" ? {} : { url },
      });
    });
    setIsBusy(false);
    setMistakes(refused);
    if (offer === undefined) return;
    onClose();
    onOffer(offer);
    await state.refresh();
  }

  return (
    <Dialog title={isPass ? texts.passTitle : texts.addTitle} onClose={onClose}>
      <p>{isPass ? texts.passLead : texts.addLead}</p>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <TextField
          label={texts.name}
          value={name}
          placeholder={isPass ? texts.guestName : texts.deviceName}
          about={isPass ? texts.passNameAbout : texts.nameAbout}
          onInput={setName}
        />
        {!isPass && (
          <div class="form-field">
            <span class="visually-hidden" id="rights-choice">{texts.rights}</span>
            <div class="segments" role="group" aria-labelledby="rights-choice">
              <button type="button" aria-pressed={!isChosen} onClick={() => setIsChosen(false)}>
                {texts.everyday}
              </button>
              <button type="button" aria-pressed={isChosen} onClick={() => setIsChosen(true)}>{texts.choose}</button>
            </div>
            <small>
              {isChosen
                ? texts.chooseAbout
                : texts.everydayAbout(services.filter(({ isEveryday }) => isEveryday).map(({ service }) => service))}
            </small>
          </div>
        )}
        {isChosen && (
          <RightsFields
            services={services}
            isChange={false}
            drafts={drafts}
            onDraft={(name, value) => setDrafts((before) => ({ ...before, [name]: value }))}
          />
        )}
        <ExpiryField value={expires} isChange={false} onChoose={setExpires} />
        <AddressField value={url} onInput={setUrl} />
        <Mistakes text={mistakes} />
        <div class="buttons">
          <button type="button" class="button plain" onClick={onClose}>{cancel}</button>
          <button type="submit" class="button primary" disabled={isBusy}>{texts.makeLink}</button>
        </div>
      </form>
    </Dialog>
  );
}
