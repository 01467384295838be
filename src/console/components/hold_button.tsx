/**
 * Button that runs after it was held, so that a touch in a pocket opens no gate. A short press, a key or a screen reader
 * asks instead.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";

/** Time to hold, in milliseconds; the ring of the style sheet fills as long. */
const HOLD_MS = 800;

/** Farthest move of the pointer that still holds, in pixels: beyond it the page is scrolled. */
const MAX_MOVE = 24;

/** Properties of the button. */
export interface HoldButtonProps {
  /** Class of the button. */
  readonly class: string;
  /** True while it does nothing. */
  readonly isDisabled: boolean;
  /** Called when it was held long enough. */
  readonly onHold: () => void;
  /** Called when it was pressed in any other way. */
  readonly onPress: () => void;
  /** Content. */
  readonly children: ComponentChildren;
}

/** Button to hold. */
export function HoldButton({ class: name, isDisabled, onHold, onPress, children }: HoldButtonProps) {
  const [isHeld, setIsHeld] = useState(false);
  const hold = useRef<{ readonly timer: number; readonly x: number; readonly y: number } | undefined>(undefined);
  const wasHeld = useRef(false);
  const end = () => {
    if (hold.current !== undefined) clearTimeout(hold.current.timer);
    hold.current = undefined;
    setIsHeld(false);
  };
  return (
    <button
      type="button"
      class={`${name}${isHeld ? " held" : ""}`}
      aria-disabled={isDisabled}
      onPointerDown={({ button, clientX: x, clientY: y }) => {
        wasHeld.current = false;
        if (isDisabled || button !== 0) return;
        const timer = setTimeout(() => {
          end();
          wasHeld.current = true;
          navigator.vibrate?.(20);
          onHold();
        }, HOLD_MS);
        hold.current = { timer, x, y };
        setIsHeld(true);
      }}
      onPointerMove={({ clientX, clientY }) => {
        const { x, y } = hold.current ?? { x: clientX, y: clientY };
        if (Math.hypot(clientX - x, clientY - y) > MAX_MOVE) end();
      }}
      onPointerUp={end}
      onPointerLeave={end}
      onPointerCancel={end}
      onContextMenu={(event) => event.preventDefault()}
      onClick={({ detail }) => {
        // The release after holding; a press of a key has no count of clicks.
        const isRelease = wasHeld.current && detail > 0;
        wasHeld.current = false;
        if (!isDisabled && !isRelease) onPress();
      }}
    >
      {children}
    </button>
  );
}
