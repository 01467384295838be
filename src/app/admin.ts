/**
 * Parts of the gateway that the Admin page shows and changes.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
import type { Report } from "../doctor/report.ts";
import { createKeyAdministration } from "../gateway/key_administration.ts";
import type { AdminPageOptions } from "../http/admin/admin_routes.ts";
import { filesFor, type PageFiles } from "../http/console.ts";
import { adminTokenFileOf } from "../keys/admin_token.ts";
import { loadKey } from "../keys/default_key_file.ts";
import type { KeyUses } from "../observability/key_uses.ts";
import type { Log } from "../observability/log.ts";
import type { Platform } from "../platform.ts";
import { randomBytes } from "../protocol/bytes.ts";
import type { LiveSections } from "../services/section.ts";
import type { Service, ServiceModule } from "../services/service.ts";
import type { PairingStore } from "../store/state/pairing_store.ts";
import type { OpenKeys } from "./keys.ts";

/** Open parts of the gateway. */
export interface AdminParts {
  /** Machine. */
  readonly platform: Platform;
  /** Files of the page; undefined if it is off. */
  readonly page: PageFiles | undefined;
  /** Keys. */
  readonly keys: Pick<OpenKeys, "read" | "edit">;
  /** Pairing codes. */
  readonly pairings: PairingStore;
  /** Last uses of the keys. */
  readonly uses: KeyUses;
  /** Finds a running service by its name. */
  readonly findService: (name: string) => Service | undefined;
  /** Services whose rights keys can have. */
  readonly services: readonly ServiceModule[];
  /** Sections of the services file. */
  readonly sections: LiveSections;
  /** Wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Logger for changes. */
  readonly log: Log;
}

/** Returns what the Admin page works with; undefined if the page is off. */
export function openAdmin(
  { keys: { secretKeyFile, fileMode: mode }, server: { publicUrl } }: Config,
  { platform, page, keys, pairings, uses, findService, services, sections, now, log }: AdminParts,
): AdminPageOptions | undefined {
  if (page === undefined) return undefined;
  const tokenFile = adminTokenFileOf(secretKeyFile);
  return {
    page: filesFor("admin", page),
    // Each time: the operator may remove the file, or make another one.
    readToken: async () => (await loadKey(tokenFile, { files: platform.files, mode }))?.secret,
    keys: createKeyAdministration({
      readKeys: keys.read,
      editKeys: keys.edit,
      pairings,
      uses,
      findService,
      services,
      sections,
      now,
      random: randomBytes,
      log,
    }),
    runDoctor: createRunDoctor(platform, services, now),
    publicUrl,
  };
}

/** Shortest time between two rounds, in milliseconds: with a wrong login, shorter ones may look like an attack. */
const MIN_PAUSE_MS = 10_000;

/** Makes the function that runs the doctor's checks, one round at a time. */
function createRunDoctor(
  platform: Platform,
  services: readonly ServiceModule[],
  now: () => number,
): () => Promise<Report> {
  let last: { readonly startedAt: number; readonly report: Promise<Report> } | undefined;

  async function round(): Promise<Report> {
    // Loaded only here: a gateway starts without it.
    const { runDoctor } = await import("./doctor.ts");
    return await runDoctor(platform, services, new AbortController().signal);
  }

  return () => {
    const age = last === undefined ? Infinity : now() - last.startedAt;
    if (last === undefined || age < 0 || age >= MIN_PAUSE_MS) last = { startedAt: now(), report: round() };
    return last.report;
  };
}
