/**
 * Request of a form whose result is a link for a device.
 *
 * @module
 */
import { useState } from "preact/hooks";
import type { PairingOffer } from "../../protocol/admin_api.ts";
import { useAdmin } from "./admin_context.tsx";
import { isPairingOffer } from "./answers.ts";

/** Form whose result is a link. */
export interface OfferForm {
  /** Shows the link. */
  readonly onOffer: (offer: PairingOffer) => void;
  /** Called when the form is closed. */
  readonly onClose: () => void;
}

/** State of the request. */
export interface OfferRequest {
  /** Explanation of the gateway of what is wrong; undefined if nothing is. */
  readonly mistakes: string | undefined;
  /** True while it runs. */
  readonly isBusy: boolean;
  /** Sends it, then closes the form and shows the link. */
  readonly send: (body: object) => Promise<void>;
}

/**
 * Returns the request of a form.
 *
 * @param path path of the API
 */
export function useOffer(path: string, { onOffer, onClose }: OfferForm): OfferRequest {
  const state = useAdmin();
  const [mistakes, setMistakes] = useState<string | undefined>(undefined);
  const [isBusy, setIsBusy] = useState(false);
  return {
    mistakes,
    isBusy,
    async send(body) {
      setIsBusy(true);
      let offer: PairingOffer | undefined;
      setMistakes(
        await state.attempt(async () => {
          offer = await state.api.post(path, body, isPairingOffer);
        }),
      );
      setIsBusy(false);
      if (offer === undefined) return;
      onClose();
      onOffer(offer);
      await state.refresh();
    },
  };
}
