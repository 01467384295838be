import type { Decision } from "../../src/observability/audit.ts";

/** Decision about a request, as the audit gets it. */
export const DECISION: Decision = {
  requestId: "0123456789abcdef",
  key: "phone",
  kid: "0011223344556677",
  address: "192.0.2.1",
  route: "/gateway",
  service: "jeedom",
  target: "cmd::byId",
  outcome: "200",
  ms: 1.6,
  bytes: 123,
};
