/**
 * Control that switches a device on and off.
 *
 * @module
 */
import { useId } from "preact/hooks";
import { Switch } from "../components/switch.tsx";
import { type ControlProps, Line } from "./line.tsx";

/** Properties of the control. */
export interface SwitchLineProps extends ControlProps {
  /** True while the device is on. */
  readonly isOn: boolean;
  /** Switches the device. */
  readonly onSwitch: (isOn: boolean) => void;
}

/** Line with a switch. */
export function SwitchLine({ isOn, isDisabled, onSwitch, ...line }: SwitchLineProps) {
  const id = useId();
  return (
    <Line {...line} controlId={id} end={<Switch id={id} isOn={isOn} isDisabled={isDisabled} onSwitch={onSwitch} />} />
  );
}
