/**
 * Camera that reads a pairing code.
 *
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { useTexts } from "../context.tsx";

/** Properties of the scanner. */
export interface ScannerProps {
  /** Called once with the text of the first code. */
  readonly onCode: (text: string) => void;
  /** Called to stop the camera. */
  readonly onStop: () => void;
}

/** State of the camera. */
type CameraState = "starting" | "scanning" | "no_camera" | "no_scanner";

/** Time between two frames that are read, in milliseconds. */
const FRAME_MS = 120;

/** Picture of the camera, until a code is found. */
export function Scanner({ onCode, onStop }: ScannerProps) {
  const texts = useTexts().pairing;
  const video = useRef<HTMLVideoElement>(null);
  const [state, setState] = useState<CameraState>("starting");
  useEffect(() => {
    const stop = new AbortController();
    void scan(video.current, { signal: stop.signal, onState: setState }).then((text) => {
      if (text !== undefined && !stop.signal.aborted) onCode(text);
    });
    return () => stop.abort();
  }, []);
  return (
    <div class="scanner">
      <div class="viewfinder" hidden={state === "no_camera" || state === "no_scanner"}>
        <video ref={video} muted playsInline aria-hidden="true" />
      </div>
      <p role="status">
        {state === "no_camera" ? texts.noCamera : state === "no_scanner" ? texts.noScanner : texts.scanning}
      </p>
      <button type="button" class="button plain" onClick={onStop}>{texts.stopScanning}</button>
    </div>
  );
}

/** Reads frames until one has a code; returns its text, or undefined once it is stopped or cannot begin. */
async function scan(
  video: HTMLVideoElement | null,
  { signal, onState }: { readonly signal: AbortSignal; readonly onState: (state: CameraState) => void },
): Promise<string | undefined> {
  if (video === null) return undefined;
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    onState("no_camera");
    return undefined;
  }
  const stopCamera = () => stream.getTracks().forEach((track) => track.stop());
  signal.addEventListener("abort", stopCamera, { once: true });
  try {
    if (signal.aborted) return undefined;
    video.srcObject = stream;
    await video.play();
    onState("scanning");
    const { createReader } = await import("./code_reader.ts");
    const reader = await createReader(signal);
    while (!signal.aborted) {
      const text = await reader(video);
      if (text !== undefined) return text;
      await new Promise((resolve) => setTimeout(resolve, FRAME_MS));
    }
  } catch {
    if (!signal.aborted) onState("no_scanner");
  } finally {
    stopCamera();
  }
  return undefined;
}
