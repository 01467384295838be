/**
 * Form that changes rights and expiry of a key.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { Dialog } from "../components/dialog.tsx";
import { useTexts } from "../context.tsx";
import { useAdminTexts } from "./admin_texts.ts";
import { useAdmin } from "./admin_context.tsx";
import type { ListedKey } from "./api.ts";
import { type Drafts, type Expiry, ExpiryField, Mistakes, RightsFields, valuesOf } from "./form_fields.tsx";

/** Properties of the form. */
export interface ChangeKeyDialogProps {
  /** The key. */
  readonly entry: ListedKey;
  /** Called when it is closed. */
  readonly onClose: () => void;
}

/** Form; empty fields change nothing. */
export function ChangeKeyDialog({ entry: { name, rights }, onClose }: ChangeKeyDialogProps) {
  const state = useAdmin();
  const texts = useAdminTexts().form;
  const cancel = useTexts().app.cancel;
  const [drafts, setDrafts] = useState<Drafts>({});
  const [expires, setExpires] = useState<Expiry>("");
  const [mistakes, setMistakes] = useState<string | undefined>(undefined);
  const services = state.options.value?.services ?? [];

  async function submit(): Promise<void> {
    let isDone = false;
    const refused = await state.attempt(async () => {
      await state.api.post("keys/change", {
        name,
        values: { ...valuesOf(drafts, services), ...expires === "" ? {} : { expires } },
      });
      isDone = true;
    });
    setMistakes(refused);
    if (!isDone) return;
    state.notice.value = texts.changed(name);
    onClose();
    await state.refresh();
  }

  return (
    <Dialog title={texts.changeTitle(name)} onClose={onClose}>
      <dl class="facts" lang="en">
        {rights.map(([label, text]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <p>{texts.changeLead}</p>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <RightsFields
          services={services}
          isChange
          drafts={drafts}
          onDraft={(name, value) => setDrafts((before) => ({ ...before, [name]: value }))}
        />
        <ExpiryField value={expires} isChange onChoose={setExpires} />
        <Mistakes text={mistakes} />
        <div class="buttons">
          <button type="button" class="button plain" onClick={onClose}>{cancel}</button>
          <button type="submit" class="button primary">{texts.save}</button>
        </div>
      </form>
    </Dialog>
  );
}
