/**
 * Tile that switches something on and off.
 *
 * @module
 */
import { useId } from "preact/hooks";
import { Icon } from "../../../components/icon.tsx";
import { Switch } from "../../../components/switch.tsx";
import { type Control, isOn } from "./control.ts";
import type { TileProps } from "./tile.ts";

/** Tile with a switch. */
export function SwitchTile(props: TileProps & { readonly control: Extract<Control, { kind: "switch" }> }) {
  const { label, icon, tone, news, isCounting, state, shown, run, isDisabled, control, start } = props;
  const id = useId();
  const isSwitchedOn = isOn(shown) ?? false;
  return (
    <label class={`tile toggle ${tone} ${run.kind}${isSwitchedOn ? " on" : ""}`}>
      <span class="badge">
        <Icon name={icon} />
      </span>
      <span class="text">
        <span class="name">{label}</span>
        <span class="state num" role={isCounting ? undefined : "status"} id={id}>{news ?? state ?? ""}</span>
      </span>
      <Switch
        isOn={isSwitchedOn}
        isDisabled={isDisabled}
        describedBy={id}
        onSwitch={(isOn) => start({ [control.param]: isOn })}
      />
    </label>
  );
}
