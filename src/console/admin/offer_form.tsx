/**
 * Frame of the forms whose result is a link for a device: the address, what is wrong, and the buttons.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "../components/dialog.tsx";
import { useTexts } from "../context.tsx";
import { useAdmin } from "./admin_context.tsx";
import { useAdminTexts } from "./admin_texts.ts";
import { AddressField, Mistakes } from "./form_fields.tsx";
import { type OfferForm, useOffer } from "./use_offer.ts";

/** Properties of the frame. */
export interface OfferFormDialogProps extends OfferForm {
  /** Path of the API. */
  readonly path: string;
  /** Title. */
  readonly title: string;
  /** Explanation. */
  readonly lead: string;
  /** Fields of the request, besides the address. */
  readonly body: object;
  /** Fields of the form above the address. */
  readonly children?: ComponentChildren;
}

/** Dialog with a form, which is replaced by the link. */
export function OfferFormDialog({ path, title, lead, body, children, onOffer, onClose }: OfferFormDialogProps) {
  const texts = useAdminTexts().form;
  const cancel = useTexts().app.cancel;
  const [url, setUrl] = useState(useAdmin().address);
  const { mistakes, isBusy, send } = useOffer(path, { onOffer, onClose });
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{lead}</p>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void send({ ...body, ...url !== "" && { url } });
        }}
      >
        {children}
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
