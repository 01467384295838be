/**
 * Screen of the devices: keys and pairing codes.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { Empty } from "../components/empty.tsx";
import { Icon } from "../components/icon.tsx";
import { useFormat } from "../context.tsx";
import { AdminScreen } from "./admin_screen.tsx";
import { useAdminTexts } from "./admin_texts.ts";
import { useAdmin } from "./admin_context.tsx";
import type { PairingOffer } from "../../protocol/admin_api.ts";
import { KeyCard, PairingCard } from "./key_card.tsx";
import { NewKeyDialog } from "./new_key_dialog.tsx";
import { PassDialog } from "./pass_dialog.tsx";
import { OfferDialog } from "./offer_dialog.tsx";

/** Devices, and what can be done with them. */
export function DevicesScreen() {
  const texts = useAdminTexts().devices;
  const format = useFormat();
  const list = useAdmin().list.value;
  const [form, setForm] = useState<"device" | "pass" | undefined>(undefined);
  const [offer, setOffer] = useState<PairingOffer | undefined>(undefined);
  if (list === undefined) return null;
  const { keys, pairings, usesSince } = list;
  return (
    <AdminScreen
      title={texts.title}
      buttons={
        <>
          <button type="button" class="button primary" onClick={() => setForm("device")}>
            <Icon name="plus" />
            {texts.add}
          </button>
          <button type="button" class="button plain" onClick={() => setForm("pass")}>
            <Icon name="clock" />
            {texts.pass}
          </button>
        </>
      }
    >
      <p class="lead-line">{texts.since(format.dateTime(usesSince))}</p>
      {keys.length + pairings.length === 0
        ? (
          <Empty icon="device" title={texts.none}>
            <p>{texts.noneHow}</p>
          </Empty>
        )
        : (
          <div class="cards">
            {pairings.filter(({ isReplacement }) => !isReplacement).map((pairing) => (
              <PairingCard key={`pairing ${pairing.name}`} pairing={pairing} onOffer={setOffer} />
            ))}
            {keys.map((one) => (
              <KeyCard
                key={one.name}
                entry={one}
                pairing={pairings.find(({ name }) => name === one.name)}
                onOffer={setOffer}
              />
            ))}
          </div>
        )}
      {form === "device" && <NewKeyDialog onOffer={setOffer} onClose={() => setForm(undefined)} />}
      {form === "pass" && <PassDialog onOffer={setOffer} onClose={() => setForm(undefined)} />}
      {offer !== undefined && <OfferDialog offer={offer} onClose={() => setOffer(undefined)} />}
    </AdminScreen>
  );
}
