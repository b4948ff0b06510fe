import type { JSX } from "preact";
import type { LocalMedia } from "../model/media.js";
import { Video } from "./video.js";

interface PreviewProps {
  media: LocalMedia | undefined;
  camera: boolean;
  name: string;
  onChoose: (camera: boolean) => void;
}

/** What others will see, and the choice of it. */
export function Preview({ media, camera, name, onChoose }: PreviewProps): JSX.Element {
  return (
    <section class="preview" aria-label="What others will see">
      <div class="preview-picture">
        {media ? (
          <Video
            stream={media.stream}
            muted
            mirrored={media.camera}
            label={`${name}, as others see you`}
          />
        ) : (
          <button type="button" class="small-button" onClick={() => onChoose(true)}>
            Turn the camera on
          </button>
        )}
      </div>
      <fieldset class="choice">
        <legend class="offscreen">Picture</legend>
        <label>
          <input type="radio" name="picture" checked={camera} onChange={() => onChoose(true)} />
          <span>Camera and microphone</span>
        </label>
        <label>
          <input type="radio" name="picture" checked={!camera} onChange={() => onChoose(false)} />
          <span>No camera</span>
        </label>
      </fieldset>
    </section>
  );
}
