/**
 * Reader of codes in pictures: the browser's own where it has one, else jsqr in a worker.
 *
 * @module
 */
import { workerUrl } from "../trusted_url.ts";

/** Reads one picture; returns the text of a code in it, or undefined. */
export type CodeReader = (video: HTMLVideoElement) => Promise<string | undefined>;

/** Barcode Detection API, as far as it is used; not in TypeScript's own types. */
interface BarcodeDetectorApi {
  new (options: { readonly formats: readonly string[] }): {
    detect(source: HTMLVideoElement): Promise<readonly { readonly rawValue: string }[]>;
  };
  getSupportedFormats(): Promise<readonly string[]>;
}

/** Missing in some browsers. */
declare const BarcodeDetector: BarcodeDetectorApi | undefined;

/** Widest picture that is read, in pixels: enough for the code, and quick also on a slow phone. */
const MAX_WIDTH = 640;

/**
 * Makes a reader.
 *
 * @param signal ends its worker
 */
export async function createReader(signal: AbortSignal): Promise<CodeReader> {
  return await createNativeReader() ?? createWorkerReader(signal);
}

async function createNativeReader(): Promise<CodeReader | undefined> {
  if (typeof BarcodeDetector === "undefined") return undefined;
  if (!(await BarcodeDetector.getSupportedFormats()).includes("qr_code")) return undefined;
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  return async (video) => (await detector.detect(video))[0]?.rawValue;
}

function createWorkerReader(signal: AbortSignal): CodeReader {
  const worker = new Worker(workerUrl("scan.js"));
  signal.addEventListener("abort", () => worker.terminate(), { once: true });
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  return (video) => {
    if (context === null || video.videoWidth === 0) return Promise.resolve(undefined);
    const width = Math.min(MAX_WIDTH, video.videoWidth);
    const height = Math.round(video.videoHeight * width / video.videoWidth);
    Object.assign(context.canvas, { width, height });
    context.drawImage(video, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<unknown>) => resolve(typeof data === "string" ? data : undefined);
      worker.onerror = () => reject(new Error("Worker that reads codes failed"));
      worker.postMessage({ data, width, height }, [data.buffer]);
    });
  };
}
