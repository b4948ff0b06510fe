import type { ClientState, KopruError, Path, Prediction } from "kopru";
import type { Peer } from "./call.js";
import type { MediaProblem } from "./media.js";

/** Something to say to a person: what is the matter, and what can be done. */
export interface Notice {
  title: string;
  text: string;
}

/** What to say when there is no camera or microphone. */
export function mediaWords(problem: MediaProblem): Notice {
  switch (problem) {
    case "insecure":
      return {
        title: "No camera on this address",
        text:
          "Browsers give a page the camera only over HTTPS or on localhost. You can join with " +
          "the generated picture now; for the camera, ask whoever runs kopru to start it with " +
          "--lan.",
      };
    case "denied":
      return {
        title: "Camera and microphone are blocked",
        text:
          "Allow them with the icon beside the address, then try again. You can also join with " +
          "the generated picture.",
      };
    case "no_camera":
      return {
        title: "No camera found",
        text: "Others hear you and see the generated picture.",
      };
    case "no_devices":
      return {
        title: "No camera or microphone found",
        text: "Connect one and try again, or join with the generated picture.",
      };
    case "busy":
      return {
        title: "The camera is in use",
        text:
          "Another program or tab holds it. Close that one and try again, or join with the " +
          "generated picture.",
      };
    default:
      return {
        title: "The camera did not start",
        text: "The browser does not say why. Try again, or join with the generated picture.",
      };
  }
}

/** What to say when a call could not begin, or ended by itself. */
export function endWords(error: KopruError): Notice {
  switch (error.code) {
    case "room_full":
      return {
        title: "This room is full",
        text: "Up to four people meet here. Try again when somebody has left, or use another room.",
      };
    case "unauthorized":
      return {
        title: "You need an invitation",
        text: "This server lets people in by an invitation link. Ask for one, and open it here.",
      };
    case "token_expired":
      return {
        title: "Your invitation has expired",
        text: "Ask for a new link, and open it here.",
      };
    case "room_not_allowed":
      return {
        title: "Your invitation is for another room",
        text: "Use the room name of your link.",
      };
    case "not_allowed":
      return {
        title: "Your invitation no longer holds for this room",
        text: "It was changed during the call. Ask for a new link, and open it here.",
      };
    case "replaced":
      return {
        title: "You joined on another device",
        text: "The call goes on there. Join here again to bring it back.",
      };
    case "identity_in_room":
      return {
        title: "You are in this room already",
        text: "Another tab or device of yours is in the call. Leave there, then join here.",
      };
    case "bad_field":
      return {
        title: "That name does not work",
        text: "Names have up to 64 characters, and none that can't be seen.",
      };
    case "unsupported_version":
      return {
        title: "This page is out of date",
        text: "The server was changed. Load the page again.",
      };
    case "server_full":
    case "too_many_sessions":
    case "too_many_new_sessions":
    case "rate_limited":
    case "too_many_failed_logins":
      return { title: "The server is busy", text: "Wait a moment, then try again." };
    case "not_supported":
      return {
        title: "This browser can't make calls",
        text: "It has no WebRTC, or it is switched off. Another browser will do.",
      };
    default:
      return { title: "The call could not go on", text: `The server says: ${error.message}.` };
  }
}

/** What to say while the server is not reached; `undefined` when it is. */
export function serverWords(state: ClientState, now: number): Notice | undefined {
  if (state.status === "connecting" && state.attempt > 1) {
    return { title: "Looking for the server", text: `Attempt ${state.attempt}.` };
  }
  if (state.status === "waiting") {
    const seconds = Math.max(1, Math.ceil((state.retryAt - now) / 1000));
    return {
      title: state.attempt === 0 ? "Connection to the server lost" : "The server does not answer",
      text: `Trying again in ${seconds} s.`,
    };
  }
  return undefined;
}

/** The state line of somebody. */
export function peerWords(peer: Peer): string {
  const { phase, path } = peer;
  if (!peer.present) {
    return "Coming back";
  }
  switch (phase) {
    case "connected": {
      if (path === undefined) {
        return "Connected";
      }
      const [nothing] = peer.member.nothingInCommon;
      if (nothing !== undefined) {
        return `No ${nothing} codec in common`;
      }
      const rtt = path.rttMs === undefined ? "" : ` · ${milliseconds(path.rttMs)}`;
      return `${pathName(path.kind)}${rtt}`;
    }
    case "reconnecting":
      return "Looking for another way";
    case "failed":
      return "No way through";
    case "closed":
      return "Gone";
    default:
      return "Connecting";
  }
}

/** What the NATs of both sides let expect. */
export function predictionWords({ path, sure }: Prediction): string {
  const way = { direct: "direct", relay: "relayed", unknown: "can't be told" }[path];
  const doubt = { certain: "", likely: ", most likely", guess: ", perhaps" }[sure];
  return path === "unknown" ? way : `${way}${doubt}`;
}

/** How packets travel. */
export function pathName(kind: Path["kind"]): string {
  return kind === "relayed" ? "Relayed" : "Direct";
}

/** `3 ms`, or `under 1 ms`: a zero would look like a mistake. */
export function milliseconds(value: number): string {
  return value < 1 ? "under 1 ms" : `${Math.round(value)} ms`;
}
