import type { Call } from "./call.js";
import type { Codecs } from "./codecs.js";
import type { Connection } from "./connection.js";
import type { KopruError } from "./errors.js";
import type { Member } from "./member.js";
import type { Json, JsonObject, LeaveReason, OwnNat, RoomKind } from "./protocol.js";
import type { Session } from "./session.js";

/** How to be in a room. */
export interface JoinOptions {
  /** What others see; need not be unique. */
  name?: string;
  /** Whatever the application wants others to know. */
  meta?: JsonObject;
  /** What kind of room to open; refused where it is there already and of another kind. */
  kind?: RoomKind;
  /** Sent to everybody in the room. */
  media?: MediaStream;
  /**
   * What this application can send or take: names by kind, the preferred ones first. In place of
   * what the browser says of `audio` and `video`; others get `member.common` by it.
   */
  can?: Codecs;
  /** The protocols that it speaks on data channels: the kind `data` of `can`. */
  protocols?: string[];
  /** Labels of data channels to open with everybody. */
  channels?: string[];
  /** Connect through relays only, so that nobody learns this device's addresses. */
  relayOnly?: boolean;
  /** `false`: presence and messages only, no `RTCPeerConnection`. */
  connect?: boolean;
}

/** Where a membership stands. */
export type RoomStatus =
  | "joining"
  | "joined"
  /** The connection to the server is lost; media may go on. */
  | "away"
  /** Left, or put out: the `closed` event says why. */
  | "closed";

/** What a room tells. */
export interface RoomEvents {
  status: RoomStatus;
  /** Joined again in a new session, under the same member id where the server knew it again. */
  rejoined: { member: string };
  /**
   * The server does not let it in again yet, as where it was started again and has no such room: it
   * is asked again at `retryAt` (ms). What flows directly goes on.
   */
  rejoin_refused: { error: KopruError; retryAt: number };
  member_joined: Member;
  member_updated: Member;
  member_left: { member: Member; reason: LeaveReason };
  /** An application message; `to` is absent when it was for everybody. */
  message: { from: Member; data: Json };
  /** Somebody calls, or calls back across one's own call, whose place it takes. */
  call: Call;
  /** A connection to somebody begins. */
  connection: Connection;
  /** A connection is over. */
  connection_closed: Connection;
  /** The server did not pass on a description or candidate of this connection. */
  refused: { connection: Connection; error: KopruError };
  track: { connection: Connection; track: MediaStreamTrack };
  channel: { connection: Connection; channel: RTCDataChannel };
  /** The end, with an error unless it was `leave()`. */
  closed: { error: KopruError | undefined };
}

/** What a room needs of its client. */
export interface RoomLink {
  request: Session["request"];
  receipt: Session["receipt"];
  /** Whether a session is open. */
  isOnline: () => boolean;
  iceConfiguration: () => RTCConfiguration;
  /** What is known of this device's NAT. What is not known yet is told when it is found out. */
  nat: () => OwnNat | undefined;
  /** What the server said does not fit together: a new session brings a new snapshot. */
  resync: () => void;
  forget: () => void;
}
