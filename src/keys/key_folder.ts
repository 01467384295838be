/**
 * Folders that must not hold a key file: the sandbox lets the gateway write to all files in the folder of its key, so its
 * code, its settings and system files must be elsewhere.
 *
 * @module
 */
import { dirname, relative, resolve } from "node:path";

/** Folders of the gateway, as absolute paths. */
export interface GatewayFolders {
  /** Working folder, which holds `.env`. */
  readonly working: string;
  /** Folder of the code, with `main.ts`. */
  readonly project: string;
}

/** Folders of the project that hold its code and documents. */
export const PROJECT_FOLDERS: readonly string[] = [
  ".ci",
  ".git",
  "clients",
  "docker",
  "docs",
  "node_modules",
  "npm",
  "src",
  "systemd",
  "tests",
  "tools",
];

/** System folders that several programs share, besides the root. */
const SYSTEM_FOLDERS: ReadonlySet<string> = new Set([
  ..."bin boot dev etc home lib lib32 lib64 media mnt opt private proc root run sbin srv sys tmp usr var".split(" "),
  ..."etc/default etc/ssl etc/systemd run/user usr/bin usr/lib usr/local usr/sbin usr/share".split(" "),
  ..."var/cache var/lib var/log var/opt var/root var/run var/spool var/tmp var/www".split(" "),
  ..."private/etc private/tmp private/var Applications Library System Users Volumes".split(" "),
].map((path) => `/${path}`));

/** Home folders, which hold shell settings and SSH keys. */
const HOME = /^\/(home|Users)\/[^/]+$/;

/**
 * Returns the reason why a folder must not hold a key file.
 *
 * @param folder its absolute path
 * @returns text that follows the folder's path, or undefined if the folder is allowed
 */
export function keyFolderFault(folder: string, { working, project }: GatewayFolders): string | undefined {
  const path = resolve(folder);
  if (dirname(path) === path || SYSTEM_FOLDERS.has(path)) return "is a system folder";
  if (HOME.test(path)) return "is a home folder";
  if (isWithin(path, project)) return "is the project folder, or above it";
  if (isWithin(path, working)) return "is the working folder of the gateway, or above it";
  const [first = ""] = relative(project, path).split("/");
  return PROJECT_FOLDERS.includes(first) ? "holds files of the project" : undefined;
}

/** Returns whether a path is a folder or below it. */
function isWithin(folder: string, path: string): boolean {
  const rest = relative(folder, path);
  return rest === "" || (rest !== ".." && !rest.startsWith("../") && !rest.startsWith("/"));
}
