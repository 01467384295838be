/**
 * Form that changes rights and expiry of a key.
 *
 * @module
 */
import { useState } from "preact/hooks";
import type { ListedKey } from "../../protocol/admin_api.ts";
import { Dialog } from "../components/dialog.tsx";
import { useFormat, useTexts } from "../context.tsx";
import { useAdminTexts } from "./admin_texts.ts";
import { useAdmin } from "./admin_context.tsx";
import { isDone } from "./answers.ts";
import { changesOf, draftsOf } from "./drafts.ts";
import { type Expiry, ExpiryField, Mistakes } from "./form_fields.tsx";
import { RightsFields } from "./rights_fields.tsx";

/** Properties of the form. */
export interface ChangeKeyDialogProps {
  /** The key. */
  readonly entry: ListedKey;
  /** Called when it is closed. */
  readonly onClose: () => void;
}

/** Form with the key as it was when it was opened. Only what is different is sent. */
export function ChangeKeyDialog({ entry, onClose }: ChangeKeyDialogProps) {
  const state = useAdmin();
  const { form: texts, devices } = useAdminTexts();
  const cancel = useTexts().app.cancel;
  const format = useFormat();
  const [{ name, version, values, expires: present }] = useState(entry);
  const [before] = useState(() => draftsOf(values));
  const [drafts, setDrafts] = useState(before);
  const [expires, setExpires] = useState<Expiry>("");
  const [mistakes, setMistakes] = useState<string | undefined>(undefined);
  const services = state.options.value?.services ?? [];
  const changes = { ...changesOf(drafts, before, services), ...expires !== "" && { expires } };

  async function submit(): Promise<void> {
    let isSaved = false;
    const refused = await state.attempt(async () => {
      await state.api.post("keys/change", { name, version, values: changes }, isDone);
      isSaved = true;
    });
    setMistakes(refused);
    if (isSaved) {
      state.notice.value = texts.changed(name);
      onClose();
    }
    // Also after a refusal: another tab, or another program, may have changed the key.
    await state.refresh();
  }

  return (
    <Dialog title={texts.changeTitle(name)} onClose={onClose}>
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
          isNew={false}
          drafts={drafts}
          onDraft={(name, draft) => setDrafts((earlier) => ({ ...earlier, [name]: draft }))}
        />
        <ExpiryField
          value={expires}
          present={present === undefined ? devices.never : format.dateTime(present)}
          onChoose={setExpires}
        />
        <Mistakes text={mistakes} />
        <div class="buttons">
          <button type="button" class="button plain" onClick={onClose}>{cancel}</button>
          <button type="submit" class="button primary" disabled={Object.keys(changes).length === 0}>
            {texts.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
