import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { Call } from "../model/call.js";
import { exposeConsole } from "../model/console.js";
import { readInvitation, remember, shareLink } from "../model/invitation.js";
import type { Invitation } from "../model/invitation.js";
import type { LocalMedia } from "../model/media.js";
import { endWords } from "../model/words.js";
import type { Notice } from "../model/words.js";
import { CallView } from "./call-view.js";
import { Lobby } from "./lobby.js";

/** The page: the lobby, and the call that begins there. */
export function App(): JSX.Element {
  const [invitation, setInvitation] = useState(arrive);
  const [notice, setNotice] = useState<Notice>();
  const [call, setCall] = useState<Call>();
  const [, changed] = useReducer((count: number) => count + 1, 0);
  const running = useRef<Call | undefined>(undefined);
  running.current = call;

  useEffect(() => {
    exposeConsole(() => running.current);
    const leave = (): void => running.current?.hangUp();
    const follow = (): void => setInvitation(arrive());
    addEventListener("pagehide", leave);
    addEventListener("hashchange", follow);
    return () => {
      removeEventListener("pagehide", leave);
      removeEventListener("hashchange", follow);
    };
  }, []);

  useEffect(() => {
    if (call?.status === "ended") {
      setNotice(call.error && endWords(call.error));
      setCall(undefined);
    }
  });

  const join = (chosen: Invitation, media: LocalMedia): void => {
    remember(chosen);
    setInvitation(chosen);
    stayAt(chosen.room);
    const server = new URL("v1/ws", document.baseURI).href;
    const begun = new Call(server, chosen, media, () => changed(undefined));
    setNotice(undefined);
    setCall(begun);
    void begun.start();
  };

  return call === undefined || call.status === "ended" ? (
    <Lobby key={invitation.room} invitation={invitation} notice={notice} onJoin={join} />
  ) : (
    <CallView call={call} />
  );
}

/** Reads the link that led here. */
function arrive(): Invitation {
  const invitation = readInvitation(location.hash);
  if (new URLSearchParams(location.hash.slice(1)).has("token")) {
    stayAt(invitation.room);
  }
  return invitation;
}

/** The room stays in the address, so that a reload comes back here; a token does not. */
function stayAt(room: string): void {
  history.replaceState(null, "", shareLink(location.href, room));
}
