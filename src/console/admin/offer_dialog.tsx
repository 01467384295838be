/**
 * Link and QR code for a device, until it has paired.
 *
 * @module
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { encode } from "uqr";
import { Dialog } from "../components/dialog.tsx";
import { Icon } from "../components/icon.tsx";
import { useFormat, useTexts } from "../context.tsx";
import { useAdminTexts } from "./admin_texts.ts";
import { useAdmin } from "./admin_context.tsx";
import type { PairingOffer } from "../../protocol/admin_api.ts";

/** Pause between two looks at the list, in milliseconds. */
const POLL_MS = 1500;

/** Properties of the dialog. */
export interface OfferDialogProps {
  /** Link. */
  readonly offer: PairingOffer;
  /** Called when it is closed. */
  readonly onClose: () => void;
}

/** Dialog with the link. */
export function OfferDialog({ offer: { name, link, expires }, onClose }: OfferDialogProps) {
  const state = useAdmin();
  const texts = useAdminTexts().offer;
  const close = useTexts().app.close;
  const format = useFormat();
  const field = useRef<HTMLInputElement>(null);
  const [isCopied, setIsCopied] = useState(false);
  const list = state.list.value;
  const [before] = useState(() => list?.keys.find((key) => key.name === name)?.kid);
  const kid = list?.keys.find((key) => key.name === name)?.kid;
  const isPaired = kid !== undefined && kid !== before;
  const isOver = !isPaired && Date.now() >= expires;

  useEffect(() => {
    if (isPaired || isOver) return;
    const timer = setInterval(() => void state.refresh(), POLL_MS);
    return () => clearInterval(timer);
  }, [isPaired, isOver]);

  async function copy(): Promise<void> {
    field.current?.select();
    await navigator.clipboard.writeText(link);
    setIsCopied(true);
  }

  return (
    <Dialog title={texts.title(name)} onClose={onClose}>
      {isPaired
        ? (
          <div class="paired" role="status">
            <span class="badge large">
              <Icon name="check" />
            </span>
            <h3>{texts.paired(name)}</h3>
            <code class="quiet">{kid}</code>
          </div>
        )
        : isOver
        ? <p role="status">{texts.over}</p>
        : (
          <>
            <QrCode text={link} label={texts.code(name)} />
            <p>{texts.lead(format.time(expires, Date.now()))}</p>
            <div class="offer-link">
              <input
                ref={field}
                class="field mono"
                aria-label={texts.link}
                readOnly
                value={link}
                onFocus={(event) => event.currentTarget.select()}
              />
              <button type="button" class="button plain" onClick={() => void copy().catch(() => {})}>
                {isCopied ? texts.copied : texts.copy}
              </button>
            </div>
            <p class="quiet" role="status">{texts.waiting}</p>
          </>
        )}
      <div class="buttons">
        <button type="button" class="button primary" onClick={onClose}>{close}</button>
      </div>
    </Dialog>
  );
}

/** Light border of the code, in modules (ISO/IEC 18004). */
const BORDER = 4;

/** QR code, dark on light in both colour schemes, as cameras expect it. */
function QrCode({ text, label }: { readonly text: string; readonly label: string }) {
  const { size, path } = useMemo(() => {
    const { data, size } = encode(text, { ecc: "M", border: BORDER });
    const modules = data.flatMap((row, y) => row.flatMap((isDark, x) => isDark ? [`M${x} ${y}h1v1h-1z`] : []));
    return { size, path: modules.join("") };
  }, [text]);
  return (
    <svg class="code" viewBox={`0 0 ${size} ${size}`} shape-rendering="crispEdges" role="img" aria-label={label}>
      <path d={path} />
    </svg>
  );
}
