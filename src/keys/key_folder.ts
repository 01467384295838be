/**
 * Folders that a key file must not be in: the gateway may write everything in the folder of its key, so that folder must
 * hold neither the gateway's code and settings nor the system's files.
 *
 * @module
 */
import { dirname, relative, resolve } from "node:path";

/** Where the gateway is. Both paths are absolute. */
export interface GatewayFolders {
  /** Folder that it runs in, and that holds `.env`. */
  readonly working: string;
  /** Folder of its code, with `main.ts`. */
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

/** Folders of a system with files of many programs, besides the root. */
const SYSTEM_FOLDERS: ReadonlySet<string> = new Set([
  ..."bin boot dev etc home lib lib32 lib64 media mnt opt private proc root run sbin srv sys tmp usr var".split(" "),
  ..."etc/default etc/ssl etc/systemd run/user usr/bin usr/lib usr/local usr/sbin usr/share".split(" "),
  ..."var/cache var/lib var/log var/opt var/root var/run var/spool var/tmp var/www".split(" "),
  ..."private/etc private/tmp private/var Applications Library System Users Volumes".split(" "),
].map((path) => `/${path}`));

/** Folders of a person, with the settings of the shell and keys of their own. */
const HOME = /^\/(home|Users)\/[^/]+$/;

/**
 * Tells why a folder must not hold a key file.
 *
 * @param folder its absolute path
 * @returns words that follow the folder's name, or undefined if nothing speaks against it
 */
export function keyFolderFault(folder: string, { working, project }: GatewayFolders): string | undefined {
  const path = resolve(folder);
  if (dirname(path) === path || SYSTEM_FOLDERS.has(path)) return "is the system's";
  if (HOME.test(path)) return "is a person's home";
  if (isWithin(path, project)) return "is the project's, or above it";
  if (isWithin(path, working)) return "is the one that the gateway runs in, or above it";
  const [first = ""] = relative(project, path).split("/");
  return PROJECT_FOLDERS.includes(first) ? "holds the project's own files" : undefined;
}

/** Tells whether a path is that of a folder, or below it. */
function isWithin(folder: string, path: string): boolean {
  const rest = relative(folder, path);
  return rest === "" || (rest !== ".." && !rest.startsWith("../") && !rest.startsWith("/"));
}
