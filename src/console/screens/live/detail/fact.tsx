/**
 * One fact with its name.
 *
 * @module
 */

/** Name and value. */
export interface FactProps {
  /** Name. */
  readonly name: string;
  /** Value. */
  readonly children: string | number;
}

/** Fact of a list of them. */
export function Fact({ name, children }: FactProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
