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
  const { action, label, icon, tone, news, isCounting, state, run, pending, isDisabled, control, start } = props;
  const id = useId();
  const isSent = run.kind === "sent" || run.kind === "done";
  const shown = isSent && typeof pending === "boolean" ? pending : isOn(action.state) ?? pending === true;
  return (
    <label class={`tile toggle ${tone} ${run.kind}${shown ? " on" : ""}`}>
      <span class="badge">
        <Icon name={icon} />
      </span>
      <span class="text">
        <span class="name">{label}</span>
        <span class="state num" role={isCounting ? undefined : "status"} id={id}>{news ?? state ?? ""}</span>
      </span>
      <Switch
        isOn={shown}
        isDisabled={isDisabled}
        describedBy={id}
        onSwitch={(isOn) => start({ [control.param]: isOn })}
      />
    </label>
  );
}
