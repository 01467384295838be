/**
 * Newest payload of a topic, in the form that is chosen.
 *
 * @module
 */
import { useMemo, useState } from "preact/hooks";
import { useFormat, useTranslated } from "../../../context.tsx";
import type { Message } from "../model/message.ts";
import { LIVE_TEXTS } from "../texts.ts";
import { formsOf, type PayloadForm, payloadText } from "./payload_form.ts";
import { PictureView } from "./picture_view.tsx";
import { Segments } from "../../../components/segments.tsx";

/** Payload; the form is kept while it has that. */
export function PayloadView({ message }: { readonly message: Message | undefined }) {
  const texts = useTranslated(LIVE_TEXTS).payload;
  const [chosen, setChosen] = useState<PayloadForm | undefined>(undefined);
  const forms = useMemo(() => message === undefined ? [] : formsOf(message), [message]);
  const form = forms.find((one) => one === chosen) ?? forms[0];
  return (
    <section class="payload">
      <div class="section">
        <h2>{texts.title}</h2>
        {forms.length > 1 && (
          <Segments
            label={texts.form}
            choices={forms}
            value={form}
            text={(one) => texts.forms[one]}
            onChoose={setChosen}
          />
        )}
      </div>
      {message === undefined || form === undefined
        ? <p class="quiet">{texts.gone}</p>
        : form === "picture"
        ? <PictureView message={message} />
        : <PayloadBox message={message} form={form} />}
    </section>
  );
}

interface PayloadBoxProps {
  readonly message: Message;
  readonly form: Exclude<PayloadForm, "picture">;
}

function PayloadBox({ message, form }: PayloadBoxProps) {
  const texts = useTranslated(LIVE_TEXTS);
  const format = useFormat();
  const { text, shown, all } = useMemo(() => payloadText(message, form), [message, form]);
  const cut = form === "hex" ? texts.payload.cutBytes : texts.payload.cut;
  return (
    <>
      <pre class={`payload-box ${form}`} tabIndex={0} aria-label={texts.payload.title}>
        {text === "" ? <i>{texts.emptyPayload}</i> : <bdi>{text}</bdi>}
      </pre>
      {shown < all && <p class="quiet num">{cut(format.number(shown), format.number(all))}</p>}
    </>
  );
}
