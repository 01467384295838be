/**
 * Form that gives an existing key to a device, with a new secret.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { Dialog } from "../components/dialog.tsx";
import { useTexts } from "../context.tsx";
import { useAdminTexts } from "./admin_texts.ts";
import { useAdmin } from "./admin_context.tsx";
import type { PairingOffer } from "./api.ts";
import { AddressField, Mistakes } from "./form_fields.tsx";

/** Properties of the form. */
export interface RenewDialogProps {
  /** Name of the key. */
  readonly name: string;
  /** Shows the link. */
  readonly onOffer: (offer: PairingOffer) => void;
  /** Called when it is closed. */
  readonly onClose: () => void;
}

/** Form; its result is a link with a QR code. */
export function RenewDialog({ name, onOffer, onClose }: RenewDialogProps) {
  const state = useAdmin();
  const texts = useAdminTexts().form;
  const cancel = useTexts().app.cancel;
  const [url, setUrl] = useState(state.address);
  const [mistakes, setMistakes] = useState<string | undefined>(undefined);

  async function submit(): Promise<void> {
    let offer: PairingOffer | undefined;
    setMistakes(
      await state.attempt(async () => {
        offer = await state.api.post<PairingOffer>("keys/renew", { name, ...url === "" ? {} : { url } });
      }),
    );
    if (offer === undefined) return;
    onClose();
    onOffer(offer);
    await state.refresh();
  }

  return (
    <Dialog title={texts.renewTitle(name)} onClose={onClose}>
      <p>{texts.renewLead}</p>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <AddressField value={url} onInput={setUrl} />
        <Mistakes text={mistakes} />
        <div class="buttons">
          <button type="button" class="button plain" onClick={onClose}>{cancel}</button>
          <button type="submit" class="button primary">{texts.makeLink}</button>
        </div>
      </form>
    </Dialog>
  );
}
