/**
 * The stable codes of the errors that the gateway itself makes. Programs decide by them; texts may change.
 *
 * @module
 */

/** What went wrong, in one word that never changes. `docs/protocol.md` says what each one means to a client. */
export type ErrorCode =
  | "expired"
  | "replay"
  | "salt_reused"
  | "already_executed"
  | "payload"
  | "field"
  | "unknown_service"
  | "scope"
  | "key_revoked"
  | "key_rate"
  | "busy"
  | "broker_not_allowed"
  | "broker"
  | "service_unreachable"
  | "service_timeout"
  | "service_answer"
  | "too_slow"
  | "restart"
  | "internal";
