/**
 * Codes of the gateway's own errors. They never change, for programs; texts may.
 *
 * @module
 */

/** Stable code of an error. `docs/protocol.md` says what each one means to a client. */
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
  | "already_paired"
  | "pairing_conflict"
  | "busy"
  | "limit_reached"
  | "old_secret"
  | "broker_not_allowed"
  | "broker"
  | "service_unreachable"
  | "service_timeout"
  | "service_answer"
  | "too_slow"
  | "restart"
  | "internal";
