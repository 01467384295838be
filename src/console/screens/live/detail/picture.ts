/**
 * Pictures in payloads: their type and size, read from their first bytes.
 *
 * @module
 */
import type { Message } from "../model/message.ts";

/** Type of a picture for the browser. */
export type PictureType = "image/jpeg" | "image/png";

/** Beginnings of files in base64: of three bytes and of six, which need no padding. */
const STARTS: readonly (readonly [string, PictureType])[] = [["/9j/", "image/jpeg"], ["iVBORw0KGgo", "image/png"]];

/** Returns the type of a picture; undefined if a payload is none. Text is never a picture. */
export function pictureType({ base64 }: Pick<Message, "base64">): PictureType | undefined {
  return STARTS.find(([start]) => base64?.startsWith(start))?.[1];
}

/** Width and height in pixels. */
export interface PictureSize {
  /** Width. */
  readonly width: number;
  /** Height. */
  readonly height: number;
}

/** Most pixels of a picture that is shown: a small file may become gigabytes in memory. */
const MAX_PIXELS = 40_000_000;

/** Returns whether a picture may be shown. */
export function isShowable({ width, height }: PictureSize): boolean {
  return width > 0 && height > 0 && width * height <= MAX_PIXELS;
}

/** Returns the size that a picture names; undefined if it cannot be read. */
export function pictureSize(bytes: Uint8Array<ArrayBuffer>, type: PictureType): PictureSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return type === "image/png" ? pngSize(view) : jpegSize(view);
}

/** PNG, section 11.2.2: the header is the first chunk. */
function pngSize(view: DataView): PictureSize | undefined {
  if (view.byteLength < 24 || view.getUint32(12) !== 0x49484452) return undefined;
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** JPEG, annex B: segments with a marker and a length, up to the frame header (SOF). */
function jpegSize(view: DataView): PictureSize | undefined {
  let offset = 2;
  while (offset + 9 <= view.byteLength) {
    if (view.getUint8(offset) !== 0xff) return undefined;
    const marker = view.getUint8(offset + 1);
    if (marker === 0xff) {
      // Fill byte.
      offset += 1;
      continue;
    }
    // Markers without a length, which decoders skip: with one of them, another size than theirs would be read.
    if (marker < 0xc0 || marker >= 0xd0 && marker <= 0xd9) return undefined;
    const isFrame = marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: view.getUint16(offset + 5), width: view.getUint16(offset + 7) };
    offset += 2 + view.getUint16(offset + 2);
  }
  return undefined;
}
