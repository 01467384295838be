/**
 * Check of requests to targets that the services file holds.
 *
 * @module
 */
import type { Payload } from "../../protocol/payload.ts";
import type { RequestFault } from "../service.ts";
import { matchesPath, pathFault } from "./path.ts";
import { findTarget, type HttpTargets } from "./section.ts";

/** Returns why the targets can never execute a request; undefined if one may. */
export function storedRequestFault(
  { target: name, method, path }: Payload,
  targets: HttpTargets,
): RequestFault | undefined {
  const target = typeof name === "string" ? findTarget(targets, name) : undefined;
  if (target === undefined) {
    const names = Object.keys(targets).join(", ") || "none";
    return { field: "target", message: `must be a target of the section http. There are: ${names}` };
  }
  if (!target.methods.some((one) => one === method)) {
    const methods = target.methods.join(", ");
    return { field: "method", message: `must be one of: ${methods}, or be added to http.${name}.methods` };
  }
  // One with parameters is checked when they are known.
  if (typeof path !== "string") return undefined;
  const fault = pathFault(path);
  if (fault !== undefined) return { field: "path", message: fault };
  if (target.paths.some((pattern) => matchesPath(pattern, path))) return undefined;
  return { field: "path", message: `must match one of http.${name}.paths, or be added there` };
}
