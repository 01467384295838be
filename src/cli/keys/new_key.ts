/**
 * A new key, from the options of `keys add`, `keys pair` and `keys pass`.
 *
 * @module
 */
import type { PendingKey } from "../../keys/pairing_code.ts";
import type { KeyRecord } from "../../keys/schema.ts";
import type { ServiceModule } from "../../services/service.ts";
import { type Options, UsageError } from "../args.ts";
import { nameMistakes, newKeyFromOptions, type NewKeyValues } from "../../services/key_from_options.ts";
import { rightsOptions } from "../../services/rights_from_options.ts";
import type { KeysSession } from "./session.ts";

/** Options of a new key besides its rights. */
export const LIMIT_OPTIONS = {
  rate: { type: "string", value: "N", description: "N requests a second, together with --burst" },
  burst: { type: "string", value: "N", description: "N requests at once, together with --rate" },
  expires: { type: "string", value: "WHEN", description: "90d, 24h, 30m or 2027-01-31; never without it" },
} as const satisfies Options;

/** Returns the options of a new key: rights, rate limit and expiry. */
export function newKeyOptions(services: readonly ServiceModule[]): Options & typeof LIMIT_OPTIONS {
  return { ...rightsOptions(services), ...LIMIT_OPTIONS };
}

/** Returns the note on a key without options of rights. */
export function everydayNote(services: readonly ServiceModule[]): string {
  return `Options of rights with a value can be given several times. Without any of them,
the key may do what an ordinary phone needs:
${services.flatMap(({ rights }) => rights.addNote ?? []).join("\n")}`;
}

/** Oldest version of the protocol that a new key accepts, and further mistakes in the options. */
export interface NewKeyOptions {
  /** Oldest version. */
  readonly minProtocol: 1 | 2;
  /** Mistakes that the caller found. */
  readonly mistakes?: readonly string[];
}

/**
 * Returns the key that the options describe.
 *
 * @throws {UsageError} naming everything that is wrong with the name and the options
 */
export async function readNewKey(
  name: string,
  values: NewKeyValues,
  { session, minProtocol, mistakes = [] }: NewKeyOptions & { readonly session: KeysSession },
): Promise<PendingKey> {
  const records = await session.read();
  const { key, mistakes: wrong } = newKeyFromOptions(name, values, { ...session, records, minProtocol });
  refuse([...wrong, ...mistakes]);
  return key;
}

/**
 * Refuses a name that a new key cannot have.
 *
 * @throws {UsageError} with the rule that the name does not follow
 */
export function refuseName(name: string, records: readonly KeyRecord[]): void {
  refuse(nameMistakes(name, records));
}

function refuse(mistakes: readonly string[]): void {
  if (mistakes.length > 0) throw new UsageError(mistakes.join("\n"));
}
