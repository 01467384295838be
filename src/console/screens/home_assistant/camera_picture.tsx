/**
 * Picture of a camera, which is asked for by a button: pictures are large, and show people.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { GatewayError } from "@e2e-gateway/client";
import type { Connection } from "../../connection/connection.ts";
import { useTranslated } from "../../context.tsx";
import { toBase64 } from "../../../protocol/bytes.ts";
import { isShowable, type PictureSize, pictureSize, pictureType } from "../live/detail/picture.ts";
import { HOME_ASSISTANT_TEXTS } from "./texts.ts";

/** Properties of the picture. */
export interface CameraPictureProps {
  /** Entity of the camera. */
  readonly entity: string;
  /** Its name, safe to show. */
  readonly name: string;
  /** Connection to the home. */
  readonly connection: Connection;
  /** True while nothing can be sent. */
  readonly isOffline: boolean;
}

/** Longest wait for a picture, in milliseconds. */
const TIMEOUT_MS = 30_000;

/** Picture as it is shown. */
interface Shown {
  readonly url: string;
  readonly size: PictureSize;
}

/** Picture of a camera, and the button that asks for it. */
export function CameraPicture({ entity, name, connection, isOffline }: CameraPictureProps) {
  const texts = useTranslated(HOME_ASSISTANT_TEXTS).picture;
  const [shown, setShown] = useState<Shown | undefined>(undefined);
  const [state, setState] = useState<"idle" | "loading" | "failed">("idle");
  useEffect(() => () => shown && URL.revokeObjectURL(shown.url), [shown]);

  async function ask(): Promise<void> {
    setState("loading");
    try {
      const bytes = await connection.request(
        { service: "home_assistant", camera: entity },
        (client) => client.homeAssistantCamera(entity, { timeout: TIMEOUT_MS }),
      );
      const picture = readPicture(new Uint8Array(bytes));
      setState(picture === undefined ? "failed" : "idle");
      if (picture !== undefined) setShown(picture);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      setState("failed");
    }
  }

  const isDisabled = isOffline || state === "loading";
  return (
    <div class="camera">
      {shown !== undefined && (
        <img
          src={shown.url}
          width={shown.size.width}
          height={shown.size.height}
          alt={texts.alt(name)}
          onError={() => {
            setShown(undefined);
            setState("failed");
          }}
        />
      )}
      <div class="line-buttons">
        <button
          type="button"
          class="button plain small"
          aria-disabled={isDisabled}
          onClick={() => !isDisabled && void ask()}
        >
          {shown === undefined ? texts.show : texts.refresh}
        </button>
      </div>
      <span class="news" role="status">
        {state === "loading" ? texts.loading : state === "failed" ? texts.failed : ""}
      </span>
    </div>
  );
}

/** Makes the address of a picture; undefined for anything that the page does not show as one. */
function readPicture(bytes: Uint8Array<ArrayBuffer>): Shown | undefined {
  const type = pictureType({ base64: toBase64(bytes.slice(0, 12)) });
  const size = type === undefined ? undefined : pictureSize(bytes, type);
  if (type === undefined || size === undefined || !isShowable(size)) return undefined;
  return { url: URL.createObjectURL(new Blob([bytes], { type })), size };
}
