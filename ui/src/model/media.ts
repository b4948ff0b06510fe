import { generatePicture } from "./generated.js";

/** What this person sends. */
export interface LocalMedia {
  stream: MediaStream;
  /** A camera's picture, to be shown like a mirror; else one made by the page. */
  camera: boolean;
  /** What could not be had, when something else took its place. */
  missing: MediaProblem | undefined;
  stop(): void;
}

/** Why there is no camera or microphone. */
export type MediaProblem =
  /** The page is not on https or localhost: the browser has no devices for it. */
  | "insecure"
  | "denied"
  | "no_camera"
  | "no_devices"
  /** Another program holds the device. */
  | "busy"
  | "unknown";

/** Thrown by `openCamera`. */
export class MediaError extends Error {
  readonly problem: MediaProblem;

  constructor(problem: MediaProblem, cause?: unknown) {
    super(problem, { cause });
    this.problem = problem;
  }
}

/** Whether the browser lets this page ask for devices at all. */
export function hasDevices(): boolean {
  // The type says always, the browser says only in a secure context.
  const devices: MediaDevices | undefined = navigator.mediaDevices;
  return devices !== undefined;
}

/** Camera and microphone; with a microphone alone, a generated picture takes the camera's place. */
export async function openCamera(name: () => string): Promise<LocalMedia> {
  if (!hasDevices()) {
    throw new MediaError("insecure");
  }
  const video = { width: { ideal: 1280 }, height: { ideal: 720 } };
  try {
    return plain(await navigator.mediaDevices.getUserMedia({ video, audio: true }));
  } catch (error) {
    if (problemOf(error) !== "no_devices") {
      throw new MediaError(problemOf(error), error);
    }
  }
  return openWhatIsThere(name);
}

/** One of the two is missing: the other one is better than nothing. */
async function openWhatIsThere(name: () => string): Promise<LocalMedia> {
  try {
    const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
    return withMicrophone(microphone, name);
  } catch (error) {
    if (problemOf(error) !== "no_devices") {
      throw new MediaError(problemOf(error), error);
    }
  }
  try {
    return plain(await navigator.mediaDevices.getUserMedia({ video: true }));
  } catch (error) {
    throw new MediaError(problemOf(error), error);
  }
}

/** The picture and the silence made by the page. */
export function withoutCamera(name: () => string): LocalMedia {
  const { stream, stop } = generatePicture(name);
  return { stream, camera: false, missing: undefined, stop };
}

function withMicrophone(microphone: MediaStream, name: () => string): LocalMedia {
  const generated = generatePicture(name);
  const stream = new MediaStream([
    ...generated.stream.getVideoTracks(),
    ...microphone.getAudioTracks(),
  ]);
  const stop = (): void => {
    generated.stop();
    stopTracks(microphone);
  };
  return { stream, camera: false, missing: "no_camera", stop };
}

function plain(stream: MediaStream): LocalMedia {
  return { stream, camera: true, missing: undefined, stop: () => stopTracks(stream) };
}

function stopTracks(stream: MediaStream): void {
  for (const track of stream.getTracks()) {
    track.stop();
  }
}

function problemOf(error: unknown): MediaProblem {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "no_devices";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "unknown";
  }
}
