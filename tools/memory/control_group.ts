/** Linux control group with a memory limit, as systemd and Docker use it. */
import { assert } from "@std/assert";

/** A control group. */
export interface ControlGroup {
  /** Command that executes the rest of its command line in the group. */
  readonly launcher: readonly string[];
  /** Returns the peak memory of its processes together, in bytes. */
  peakBytes(): Promise<number>;
  /** Removes the group after its processes have ended. */
  remove(): Promise<void>;
}

/** Files of a version of control groups. */
interface Version {
  /** Directory of the groups. */
  readonly root: string;
  /** Files that limit memory and swap, in this order. */
  readonly limits: Readonly<Record<string, (bytes: number) => number>>;
  readonly peak: string;
}

const VERSIONS: readonly Version[] = [
  {
    root: "/sys/fs/cgroup/memory",
    limits: { "memory.limit_in_bytes": (bytes) => bytes, "memory.memsw.limit_in_bytes": (bytes) => bytes },
    peak: "memory.max_usage_in_bytes",
  },
  {
    root: "/sys/fs/cgroup",
    limits: { "memory.max": (bytes) => bytes, "memory.swap.max": () => 0 },
    peak: "memory.peak",
  },
];

/**
 * Creates a group.
 *
 * @param bytes memory limit of its processes together, without swap
 * @returns undefined without the permission to create one
 */
export async function makeControlGroup(bytes: number): Promise<ControlGroup | undefined> {
  for (const { root, limits, peak } of VERSIONS) {
    const path = `${root}/e2e-gateway-${crypto.randomUUID()}`;
    try {
      await Deno.mkdir(path);
    } catch {
      continue;
    }
    try {
      for (const [file, limit] of Object.entries(limits)) {
        await Deno.writeTextFile(`${path}/${file}`, `${limit(bytes)}`);
      }
      await Deno.stat(`${path}/${peak}`);
    } catch {
      await Deno.remove(path);
      continue;
    }
    return {
      launcher: ["/bin/sh", "-c", `echo $$ >${path}/cgroup.procs && exec "$@"`, "sh"],
      peakBytes: async () => Number(await Deno.readTextFile(`${path}/${peak}`)),
      remove: () => removeEmpty(path),
    };
  }
  return undefined;
}

/** Retries the removal, because the kernel releases ended processes with a delay. */
async function removeEmpty(path: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    try {
      return await Deno.remove(path);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  assert(false, `Control group is still in use: ${path}`);
}
