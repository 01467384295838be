/**
 * Field of a form with its label, a hint, and its fault.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { useEffect, useId } from "preact/hooks";

/** Attributes of the input inside. */
export interface InputAttributes {
  /** Id, for the label. */
  readonly id: string;
  /** True with a fault. */
  readonly "aria-invalid": boolean;
  /** Ids of hint and fault. */
  readonly "aria-describedby": string;
}

/** Properties of a field. */
export interface FieldProps {
  /** Label. */
  readonly label: string;
  /** Hint below. */
  readonly hint?: string | undefined;
  /** Fault; undefined for none. */
  readonly fault?: string | undefined;
  /** Makes the input. */
  readonly children: (attributes: InputAttributes) => ComponentChildren;
}

/** The field. */
export function Field({ label, hint, fault, children }: FieldProps) {
  const id = useId();
  const isFaulty = fault !== undefined;
  useEffect(() => {
    // The form is longer than most windows.
    if (isFaulty) document.getElementById(id)?.focus();
  }, [isFaulty]);
  return (
    <div class="form-field">
      <label for={id}>{label}</label>
      {children({ id, "aria-invalid": isFaulty, "aria-describedby": `${id}-how ${id}-fault` })}
      <p id={`${id}-how`} class="quiet hint">{hint}</p>
      <p id={`${id}-fault`} class="fault" role="status">{fault}</p>
    </div>
  );
}
