/**
 * Tile that runs an action by a press; one with a question, by holding it.
 *
 * @module
 */
import { HoldButton } from "../../../components/hold_button.tsx";
import { Icon } from "../../../components/icon.tsx";
import { useTexts } from "../../../context.tsx";
import { isOn } from "./control.ts";
import type { TileProps } from "./tile.ts";

/** Tile with a button. */
export function ButtonTile(props: TileProps & { readonly onPress: () => void }) {
  const { action, label, icon, tone, news, isCounting, state, run, isDisabled, isAlone, start, onPress } = props;
  const texts = useTexts().home;
  const isHold = action.confirm !== undefined && action.params?.length === 0;
  const hint = isHold ? texts.hold : undefined;
  const isFilled = isHold || isAlone;
  const content = (
    <>
      <span class="badge">
        <Icon
          name={run.kind === "done" ? "check" : run.kind === "unknown" || run.kind === "failed" ? "warning" : icon}
        />
      </span>
      <span class="text">
        <span class="name">{label}</span>
        <span class="state num" role={isCounting ? undefined : "status"}>
          {news ??
            ([action.state === null ? undefined : state, hint].filter((part) => part !== undefined).join(" · ") ||
              texts.press)}
        </span>
      </span>
      {isHold ? <span class="hold" aria-hidden="true" /> : (
        <span class="go" aria-hidden="true">
          <Icon name="chevron" />
        </span>
      )}
    </>
  );
  const active = isOn(action.state) !== true ? "" : icon === "bell" ? " on ringing" : " on";
  const name = `tile press ${isFilled ? "filled" : tone} ${run.kind}${active}`;
  return isHold
    ? (
      <HoldButton class={name} isDisabled={isDisabled} onHold={() => start({}, true)} onPress={() => start({})}>
        {content}
      </HoldButton>
    )
    : (
      <button type="button" class={name} aria-disabled={isDisabled} onClick={() => !isDisabled && onPress()}>
        {content}
      </button>
    );
}
