import { useEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";

interface VideoProps {
  stream: MediaStream | undefined;
  /** One's own sound is not played. */
  muted?: boolean;
  mirrored?: boolean;
  label: string;
}

/** Plays a stream. Where the browser wants a gesture before it plays sound, asks for one. */
export function Video({ stream, muted = false, mirrored = false, label }: VideoProps): JSX.Element {
  const element = useRef<HTMLVideoElement>(null);
  const [silenced, setSilenced] = useState(false);

  useEffect(() => {
    const video = element.current;
    if (video === null || video.srcObject === (stream ?? null)) {
      return;
    }
    video.srcObject = stream ?? null;
    video.muted = muted;
    video.play().catch((error: DOMException) => {
      if (error.name === "NotAllowedError" && !muted) {
        video.muted = true;
        setSilenced(true);
        video.play().catch(() => undefined);
      }
    });
  }, [stream, muted]);

  const hear = (): void => {
    if (element.current) {
      element.current.muted = false;
    }
    setSilenced(false);
  };

  return (
    <>
      <video
        ref={element}
        class={mirrored ? "mirrored" : ""}
        playsInline
        autoPlay
        aria-label={label}
      />
      {silenced && (
        <button type="button" class="hear" onClick={hear}>
          Turn the sound on
        </button>
      )}
    </>
  );
}
