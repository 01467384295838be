/**
 * Form that gives an existing key to a device with a new secret, or makes another link for a key that waits for its device.
 *
 * @module
 */
import { useAdminTexts } from "./admin_texts.ts";
import { OfferFormDialog } from "./offer_form.tsx";
import type { OfferForm } from "./use_offer.ts";

/** Properties of the form. */
export interface RenewDialogProps extends OfferForm {
  /** Name of the key. */
  readonly name: string;
  /** True if it waits for its device. */
  readonly isWaiting?: boolean;
}

/** Form; its result is a link with a QR code. */
export function RenewDialog({ name, isWaiting = false, ...form }: RenewDialogProps) {
  const texts = useAdminTexts().form;
  return (
    <OfferFormDialog
      {...form}
      path="keys/renew"
      title={isWaiting ? texts.newLinkTitle(name) : texts.renewTitle(name)}
      lead={isWaiting ? texts.newLinkLead : texts.renewLead}
      body={{ name }}
    />
  );
}
