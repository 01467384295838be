/** A control group of Linux that bounds the memory of a process, as systemd and Docker do. */
import { assert } from "@std/assert";

/** A group without processes of its own yet. */
export interface ControlGroup {
  /** Words that begin a program in the group; the program's own follow. */
  readonly launcher: readonly string[];
  /** The most memory that its processes ever took together, in bytes. */
  peakBytes(): Promise<number>;
  /** Removes it, once its processes have ended. */
  remove(): Promise<void>;
}

/** Files of a version of control groups. */
interface Version {
  /** Where groups are made. */
  readonly root: string;
  /** Which files bound memory, and swap besides it, in this order. */
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
 * Makes a group.
 *
 * @param bytes most memory of its processes together; they get no swap
 * @returns undefined where this process may make none
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

/** The kernel lets go of processes that have ended a moment later. */
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
