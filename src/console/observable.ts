/**
 * Values that components follow.
 *
 * @module
 */

/** Value that is followed: a component that reads it is rendered again when it changes. */
export interface Observable<T> {
  /** The value. */
  readonly value: T;
  /** Returns the value without following it. */
  peek(): T;
}

/** Value that is followed, and that anyone may replace. */
export interface Variable<T> extends Observable<T> {
  /** The value. */
  value: T;
}
