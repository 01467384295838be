/**
 * Picture of a payload.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { useTranslated } from "../../../context.tsx";
import { visibleText } from "../../../text/visible.ts";
import type { Message } from "../model/message.ts";
import { LIVE_TEXTS } from "../texts.ts";
import { bytesOfPayload } from "./payload_form.ts";
import { isShowable, type PictureSize, pictureSize, pictureType } from "./picture.ts";

/** What there is to show. */
type Shown = { readonly url: string; readonly size: PictureSize } | { readonly tooLarge: PictureSize } | undefined;

/** Picture; a text where it cannot or must not be shown. */
export function PictureView({ message }: { readonly message: Message }) {
  const texts = useTranslated(LIVE_TEXTS).payload;
  const [shown, setShown] = useState<Shown>(undefined);
  const [isBroken, setIsBroken] = useState(false);
  useEffect(() => {
    const type = pictureType(message);
    const bytes = bytesOfPayload(message);
    const size = type === undefined ? undefined : pictureSize(bytes, type);
    setIsBroken(type === undefined || size === undefined);
    if (type === undefined || size === undefined) return setShown(undefined);
    if (!isShowable(size)) return setShown({ tooLarge: size });
    const url = URL.createObjectURL(new Blob([bytes], { type }));
    setShown({ url, size });
    return () => URL.revokeObjectURL(url);
  }, [message]);
  if (isBroken) return <p class="quiet">{texts.pictureBroken}</p>;
  if (shown === undefined) return null;
  if ("tooLarge" in shown) {
    return <p class="quiet">{texts.pictureLarge(shown.tooLarge.width, shown.tooLarge.height)}</p>;
  }
  return (
    <img
      class="picture"
      src={shown.url}
      width={shown.size.width}
      height={shown.size.height}
      alt={texts.picture(visibleText(message.topic))}
      onLoad={() => URL.revokeObjectURL(shown.url)}
      onError={() => setIsBroken(true)}
    />
  );
}
