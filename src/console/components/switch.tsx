/**
 * Switch: on or off.
 *
 * @module
 */

/** Properties of a switch. */
export interface SwitchProps {
  /** Id, for its label. */
  readonly id?: string | undefined;
  /** True if it is on. */
  readonly isOn: boolean;
  /** True while it does nothing. */
  readonly isDisabled?: boolean | undefined;
  /** Ids of elements that describe it. */
  readonly describedBy?: string | undefined;
  /** Called with what it is switched to. It shows that only once `isOn` says so. */
  readonly onSwitch: (isOn: boolean) => void;
}

/** Switch; the label is the caller's. */
export function Switch({ id, isOn, isDisabled = false, describedBy, onSwitch }: SwitchProps) {
  return (
    <span class="switch">
      <input
        id={id}
        type="checkbox"
        role="switch"
        checked={isOn}
        disabled={isDisabled}
        aria-describedby={describedBy}
        onChange={({ currentTarget }) => {
          const wanted = currentTarget.checked;
          // The state of the home is shown, not that of the finger.
          currentTarget.checked = isOn;
          onSwitch(wanted);
        }}
      />
      <i />
    </span>
  );
}
