/**
 * The name by which the project's own checks tell a gateway what they are.
 *
 * @module
 */

/**
 * User agent of the requests that the doctor and the conformance kit send: some of them are refused on purpose, and are no
 * trouble to report. It proves nothing and grants nothing.
 */
export const CHECK_AGENT = "e2e-gateway-check";
