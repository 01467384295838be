/**
 * Table of the page's files, which its build writes beside them.
 *
 * @module
 */
import { z } from "zod";

/** Name of the table's file. */
export const TABLE_NAME = "files.json";

/** Content codings of the forms, and the endings of their names on the disk. */
export const CODINGS = { br: ".br", gzip: ".gz" } as const;

/** Content coding of a compressed form (RFC 9110, section 8.4.1). */
export type Coding = keyof typeof CODINGS;

/** Form of a file: as it is, or compressed. */
export interface FileForm {
  /** Path below the folder of the files. */
  readonly path: string;
  /** Its content coding; `identity` for the file as it is. */
  readonly coding: Coding | "identity";
  /** Length in bytes. */
  readonly bytes: number;
  /** SHA-256 of its bytes, in hexadecimal. */
  readonly hash: string;
}

/** File of the page. */
export interface PageFile {
  /** Path relative to the page. */
  readonly path: string;
  /** Media type. */
  readonly mediaType: string;
  /** Whether another content would have another name. */
  readonly isNamedByContent: boolean;
  /** Hash as browsers read it (Subresource Integrity): `sha384-…`. */
  readonly integrity: string;
  /** Its forms. */
  readonly forms: {
    /** The file as it is. */
    readonly plain: FileForm;
    /** Compressed forms, the shortest first; none for a file that does not shrink. */
    readonly compressed: readonly FileForm[];
  };
}

const form = z.strictObject({
  path: z.string(),
  coding: z.enum(["identity", "br", "gzip"]),
  bytes: z.int().min(0),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

const table = z.array(z.strictObject({
  path: z.string().regex(/^[\w-]+(?:[./][\w-]+)*$/),
  mediaType: z.string(),
  isNamedByContent: z.boolean(),
  integrity: z.string(),
  forms: z.strictObject({ plain: form, compressed: z.array(form) }),
}));

/**
 * Parses the table.
 *
 * @throws {Error} if it is not one
 */
export function parsePageFiles(text: string): readonly PageFile[] {
  const result = table.safeParse(JSON.parse(text));
  if (!result.success) throw new Error(`${TABLE_NAME} is not a table of the page's files: ${result.error.message}`);
  return result.data;
}
