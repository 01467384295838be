/** All faults, and their requirements on this machine. */
import { UsageError } from "../../src/cli/args.ts";
import { REDIS_SERVER } from "../../tests/support/redis_server.ts";
import { MOSQUITTO } from "../../tests/support/broker.ts";
import { findProgram } from "../../tests/support/programs.ts";
import type { Fault, Need } from "./fault.ts";
import { BROKER_FAULTS } from "./faults/broker_faults.ts";
import { CLOCK_FAULTS } from "./faults/clock_faults.ts";
import { FILE_FAULTS } from "./faults/file_faults.ts";
import { GATEWAY_FAULTS } from "./faults/gateway_faults.ts";
import { JEEDOM_FAULTS } from "./faults/jeedom_faults.ts";
import { REDIS_FAULTS } from "./faults/redis_faults.ts";
import { LIBFAKETIME } from "./libfaketime.ts";

/** All faults in the order in which they run. */
export const ALL_FAULTS: readonly Fault[] = [
  ...BROKER_FAULTS,
  ...JEEDOM_FAULTS,
  ...REDIS_FAULTS,
  ...GATEWAY_FAULTS,
  ...FILE_FAULTS,
  ...CLOCK_FAULTS,
];

const AVAILABLE: Readonly<Record<Need, boolean>> = {
  mosquitto: MOSQUITTO !== undefined,
  redis: REDIS_SERVER !== undefined,
  root: Deno.build.os === "linux" && Deno.uid() === 0,
  libfaketime: LIBFAKETIME !== undefined,
  prlimit: findProgram(["/usr/bin/prlimit"], "REQUIRE_PRLIMIT") !== undefined,
};

/**
 * Returns a fault by its name.
 *
 * @throws {UsageError} with all names, if the name is unknown
 */
export function faultNamed(name: string): Fault {
  const found = ALL_FAULTS.find((fault) => fault.name === name);
  if (found !== undefined) return found;
  throw new UsageError(`Unknown fault "${name}". Faults: ${ALL_FAULTS.map((fault) => fault.name).join(", ")}`);
}

/** Returns the unmet requirements of a fault. */
export function missingFor({ needs = [] }: Fault): readonly Need[] {
  return needs.filter((need) => !AVAILABLE[need]);
}
