/**
 * Who may read the files of keys, and whether the gateway can write new ones. Told from modes and owners alone: the
 * doctor may not write.
 *
 * @module
 */
import { failed, type Finding, warning } from "./finding.ts";
import type { Machine } from "./machine.ts";

/** What to look at. */
export interface RightsQuestion {
  /** The files that exist. */
  readonly files: readonly string[];
  /** The directories that they are, or will be, in. */
  readonly directories: readonly string[];
  /** `ignore` on a file system without modes: then only the room on the disk is looked at. */
  readonly mode: "strict" | "ignore";
  /** The machine. */
  readonly machine: Pick<Machine, "files" | "freeBytes">;
}

const OTHERS = 0o077;
const OWNER_WRITES = 0o200;

/** A disk with less room is as good as full for everything else on the machine, in bytes. */
const LITTLE_ROOM = 8 * 2 ** 20;

/** Tells what is wrong with files and directories. What cannot be looked at is left to whoever reads it. */
export async function checkFileRights({ files, directories, mode, machine }: RightsQuestion): Promise<Finding[]> {
  const stat = (path: string) => machine.files.stat(path).catch(() => undefined);
  const problems: Finding[] = [];
  const owners = new Map<number, string>();
  for (const path of mode === "strict" ? files : []) {
    const found = await stat(path);
    if (found === undefined) continue;
    if (found.uid !== null) owners.set(found.uid, path);
    if (((found.mode ?? 0) & OTHERS) !== 0) {
      const rights = ((found.mode ?? 0) & 0o777).toString(8).padStart(4, "0");
      problems.push(warning(`"${path}" can be read by others: its mode is ${rights}`, `Close it: chmod 600 ${path}`));
    }
  }
  for (const path of directories) {
    const found = await stat(path);
    if (found === undefined) continue;
    if (mode === "strict" && found.mode !== null && (found.mode & OWNER_WRITES) === 0) {
      problems.push(
        failed(`Directory "${path}" cannot be written by its owner`, `Open it to its owner: chmod u+w ${path}`),
      );
    }
    if (mode === "strict" && found.uid !== null) owners.set(found.uid, path);
    const room = await machine.freeBytes(path);
    if (room !== undefined && room < LITTLE_ROOM) {
      problems.push(failed(`The disk of "${path}" is full`, "Make room, or new keys cannot be written"));
    }
  }
  if (owners.size > 1) {
    const who = [...owners].map(([uid, path]) => `"${path}" to user ${uid}`).join(", ");
    problems.push(
      warning(`Keys and directory have several owners: ${who}`, "Give all to the user that the gateway runs as: chown"),
    );
  }
  return problems;
}
