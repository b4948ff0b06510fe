import { useEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import type { Invitation } from "../model/invitation.js";
import { hasDevices, MediaError, openCamera, withoutCamera } from "../model/media.js";
import type { LocalMedia, MediaProblem } from "../model/media.js";
import { mediaWords } from "../model/words.js";
import type { Notice } from "../model/words.js";
import { Landscape } from "./bridge.js";
import { Header } from "./header.js";
import { NoticeCard } from "./notice.js";
import { Preview } from "./preview.js";

interface LobbyProps {
  invitation: Invitation;
  /** Why the last call ended. */
  notice: Notice | undefined;
  onJoin: (chosen: Invitation, media: LocalMedia) => void;
}

/** Where a call begins: name, room, and what to send. */
export function Lobby({ invitation, notice, onJoin }: LobbyProps): JSX.Element {
  const [room, setRoom] = useState(invitation.room);
  const [name, setName] = useState(invitation.name);
  const [relayOnly, setRelayOnly] = useState(invitation.relayOnly);
  const wantsCamera = invitation.camera && hasDevices();
  const { media, camera, problem, choose, take } = useMedia(wantsCamera, name);
  const [joining, setJoining] = useState(false);

  const join = async (event: Event): Promise<void> => {
    event.preventDefault();
    setJoining(true);
    const taken = await take();
    setJoining(false);
    if (taken) {
      const chosen = { ...invitation, room: room.trim(), name: name.trim(), camera, relayOnly };
      onJoin(chosen, taken);
    }
  };

  return (
    <div class="lobby">
      <Landscape />
      <Header />
      <main class="lobby-main">
        <section class="lobby-words">
          <h1>Meet on the bridge.</h1>
          <p>
            A call between browsers: direct where there is a path, through the relay where there is
            none.
          </p>
        </section>
        <Preview media={media} camera={camera} name={name} onChoose={choose} />
        <form class="lobby-form" onSubmit={(event) => void join(event)}>
          {notice && <NoticeCard notice={notice} tone="warning" />}
          {problem && <MediaNotice problem={problem} camera={camera} onChoose={choose} />}
          <label class="field">
            <span>Your name</span>
            <input
              value={name}
              onInput={({ currentTarget }) => setName(currentTarget.value)}
              maxLength={64}
              autocomplete="nickname"
              required
            />
          </label>
          <label class="field">
            <span>Room</span>
            <input
              value={room}
              onInput={({ currentTarget }) => setRoom(currentTarget.value)}
              maxLength={64}
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
              required
            />
            <small>Whoever names the same room meets you there.</small>
          </label>
          <label class="switch">
            <input
              type="checkbox"
              role="switch"
              checked={relayOnly}
              onChange={({ currentTarget }) => setRelayOnly(currentTarget.checked)}
            />
            <span class="switch-track" />
            <span class="switch-words">
              Relay only
              <small>Others don't learn your address.</small>
            </span>
          </label>
          <button type="submit" class="primary-button" disabled={joining}>
            {joining ? "Waiting for the camera…" : "Join"}
          </button>
        </form>
      </main>
      <footer class="lobby-footer">
        <span>Pictures and words don't pass through the signaling server.</span>
        <a href="./licences.txt">Licences</a>
      </footer>
    </div>
  );
}

interface MediaNoticeProps {
  problem: MediaProblem;
  camera: boolean;
  onChoose: (camera: boolean) => void;
}

function MediaNotice({ problem, camera, onChoose }: MediaNoticeProps): JSX.Element {
  const again = problem !== "insecure" && problem !== "no_camera";
  return (
    <NoticeCard notice={mediaWords(problem)} tone={problem === "insecure" ? "calm" : "warning"}>
      {again && camera && (
        <button type="button" class="small-button" onClick={() => onChoose(true)}>
          Try again
        </button>
      )}
      {camera && problem !== "no_camera" && (
        <button type="button" class="small-button" onClick={() => onChoose(false)}>
          Use the generated picture
        </button>
      )}
    </NoticeCard>
  );
}

interface MediaChoice {
  media: LocalMedia | undefined;
  camera: boolean;
  problem: MediaProblem | undefined;
  choose: (camera: boolean) => void;
  /** Hands the media over to a call; `undefined` when there are none. */
  take: () => Promise<LocalMedia | undefined>;
}

/** Camera or generated picture, opened when chosen, stopped when the lobby closes. */
function useMedia(cameraAtFirst: boolean, name: string): MediaChoice {
  const [camera, setCamera] = useState(cameraAtFirst);
  const [media, setMedia] = useState<LocalMedia>();
  const [problem, setProblem] = useState<MediaProblem | undefined>(
    hasDevices() ? undefined : "insecure",
  );
  const current = useRef<LocalMedia | undefined>(undefined);
  const latestName = useRef(name);
  latestName.current = name;

  const keep = (next: LocalMedia | undefined): void => {
    if (current.current !== next) {
      current.current?.stop();
    }
    current.current = next;
    setMedia(next);
  };
  const open = async (wantsCamera: boolean): Promise<LocalMedia | undefined> => {
    const called = (): string => latestName.current.trim() || "…";
    if (!wantsCamera) {
      return withoutCamera(called);
    }
    try {
      const opened = await openCamera(called);
      setProblem(opened.missing);
      return opened;
    } catch (error) {
      setProblem(error instanceof MediaError ? error.problem : "unknown");
      return undefined;
    }
  };
  const choose = (wantsCamera: boolean): void => {
    setCamera(wantsCamera);
    setProblem(undefined);
    void open(wantsCamera).then(keep);
  };
  const take = async (): Promise<LocalMedia | undefined> => {
    const taken = current.current ?? (await open(camera));
    current.current = undefined;
    return taken;
  };

  useEffect(() => {
    if (!cameraAtFirst) {
      void open(false).then(keep);
    } else {
      void cameraAllowed().then((allowed) => allowed && choose(true));
    }
    return () => current.current?.stop();
  }, []);

  return { media, camera, problem, choose, take };
}

/** Whether the camera can be opened without asking: then the preview shows at once. */
async function cameraAllowed(): Promise<boolean> {
  try {
    const { state } = await navigator.permissions.query({ name: "camera" as PermissionName });
    return state === "granted";
  } catch {
    return false;
  }
}
