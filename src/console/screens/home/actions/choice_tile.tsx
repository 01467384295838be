/**
 * Tile that chooses one of a few values.
 *
 * @module
 */
import { Icon } from "../../../components/icon.tsx";
import { Segments } from "../../../components/segments.tsx";
import { useFormat, useTexts } from "../../../context.tsx";
import type { Control } from "./control.ts";
import { stateText } from "./state_text.ts";
import type { TileProps } from "./tile.ts";

/** Tile with a button for each value. */
export function ChoiceTile(props: TileProps & { readonly control: Extract<Control, { kind: "choice" }> }) {
  const { label, icon, tone, news, isCounting, state, shown, run, isDisabled, control, start } = props;
  const texts = useTexts().home;
  const format = useFormat();
  return (
    <div class={`tile choice ${tone} ${run.kind}`} role="group" aria-label={label}>
      <div class="top">
        <span class="badge">
          <Icon name={icon} />
        </span>
        <div class="text">
          <span class="name">{label}</span>
          <span class="state num" role={isCounting ? undefined : "status"}>{news ?? state ?? ""}</span>
        </div>
      </div>
      <Segments
        choices={control.values}
        value={control.values.find((value) => String(value) === String(shown))}
        text={(value) => stateText(value, { texts, format })}
        isDisabled={isDisabled}
        onChoose={(value) => start({ [control.param]: value })}
      />
    </div>
  );
}
