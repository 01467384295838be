/**
 * Worker that reads codes in pictures.
 *
 * @module
 */
import jsqr from "jsqr";

/** Picture of the camera. */
interface Picture {
  /** Pixels, four bytes each. */
  readonly data: Uint8ClampedArray;
  /** Width, in pixels. */
  readonly width: number;
  /** Height, in pixels. */
  readonly height: number;
}

addEventListener("message", ({ data: { data, width, height } }: MessageEvent<Picture>) => {
  postMessage(jsqr.default(data, width, height, { inversionAttempts: "dontInvert" })?.data ?? null);
});
