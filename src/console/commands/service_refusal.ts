/**
 * Refusal of a command by the service behind the gateway.
 *
 * @module
 */

/** The service answered with an error of its own; its message is text of the service. */
export class ServiceRefusal extends Error {
  /** Code of the service's error; undefined where it has none. */
  readonly code: number | undefined;

  /** Makes the error from the service's message and code. */
  constructor(message: string, code?: number) {
    super(message);
    this.name = "ServiceRefusal";
    this.code = code;
  }
}
