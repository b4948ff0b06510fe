/** The messages of the signaling protocol, version 1, as `docs/protocol.md` describes them. */

import type { Report, Story } from "./story.js";

export type {
  CandidateError,
  Report,
  ReportedCandidate,
  Story,
  StoryEntry,
  StoryMember,
  StoryState,
  Verdict,
} from "./story.js";

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Any JSON object. */
export type JsonObject = { [key: string]: Json };

/** The language this package speaks: `v` of `hello` and `welcome`. */
export const PROTOCOL_VERSION = 1;

/** Somebody else in a room, as the server describes it to this client. */
export interface MemberObject {
  /** One device in one room: the `to` and `from` of messages. */
  member: string;
  /** Who it is, vouched for by the server. */
  identity: string;
  name: string;
  meta: JsonObject;
  /** This client's part towards that member: who gives way when both offer at once. */
  polite: boolean;
  /** `false`: this client must leave offering to that member. */
  offers?: false;
  /** What both can, of the kinds of media of which both say something. */
  common?: { [kind: string]: string[] };
  /** The kinds of which both say something and have nothing in common. */
  nothing_in_common?: string[];
  /** `false`: one of the two can't restart ICE. */
  ice_restart?: false;
  /** Its connection to the server is lost at the moment. */
  reconnecting?: true;
  /** What it tells of the NAT that it is behind. */
  nat?: Nat;
  /** Where both tell of their NATs. */
  prediction?: Prediction;
}

/** How much of the external endpoint matters to a NAT (RFC 4787 §4.1, §5). */
export type NatBehavior =
  "unknown" | "endpoint_independent" | "address_dependent" | "address_and_port_dependent";

/** How sure something is: tested in full, but for rare NATs, or as with most. */
export type Sure = "certain" | "likely" | "guess";

/** How somebody's NAT behaves. */
export interface Nat {
  mapping: NatBehavior;
  /** Known to native clients only. */
  filtering?: NatBehavior;
  /** Of the mapping. */
  sure?: Sure;
  /** `false`: nothing was answered over UDP. */
  udp?: boolean;
}

/** What a client tells of its own. */
export interface OwnNat extends Nat {
  /** By which the server knows two that are behind the same one. */
  address?: string;
}

/** How two members are expected to be connected. */
export interface Prediction {
  path: "direct" | "relay" | "unknown";
  sure: Sure;
}

/** Whom to ask for reflexive addresses, and to compare what they say. */
export interface NatProbe {
  urls: string[];
}

/** A candidate, or `null`: no more will follow. */
export type Candidate = RTCIceCandidateInit | null;

/** An offer, answer, provisional answer or rollback. */
export type Description = RTCSessionDescriptionInit;

/** The first message on every connection. */
export interface Hello {
  type: "hello";
  v: typeof PROTOCOL_VERSION;
  token?: string;
  resume?: string;
  /** Beside `resume`: the highest `seq` received in that session. */
  ack?: number;
  capabilities?: JsonObject;
}

/** How many a room is for: as many as the server allows, or two. */
export type RoomKind = "mesh" | "pair";

/** What a client asks for, by the `type` of the message; sending adds `id` and `ack`. */
export interface Requests {
  join: {
    room: string;
    name?: string;
    meta?: JsonObject;
    media?: { [kind: string]: string[] };
    member?: string;
    kind?: RoomKind;
    nat?: OwnNat;
  };
  update: { room: string; name?: string; meta?: JsonObject; nat?: OwnNat | null };
  leave: { room: string };
  description: {
    room: string;
    to: string;
    connection: string;
    negotiation: number;
    description: Description;
    receipt?: true;
  };
  candidate: { room: string; to: string; connection: string; candidate: Candidate };
  message: { room: string; to?: string; data: Json; receipt?: true };
  call: { room: string; to?: string; identity?: string; data?: Json; timeout_s?: number };
  ringing: { call: string };
  accept: { call: string };
  reject: { call: string; reason?: "rejected" | "busy" };
  hang_up: { call: string; reason?: "hung_up" | "failed" };
  call_state: { call: string; state: "connecting" | "connected" | "reconnecting" };
  report: { room: string; to: string; connection: string } & Report;
  why: { room: string; to: string; connection?: string };
  ping: Record<never, never>;
  ice_servers: Record<never, never>;
  token: { token: string };
}

/** What the server answers to each request when it does not refuse it. */
export interface Answers {
  join: Joined;
  update: Ok;
  leave: Ok;
  description: Ok;
  candidate: Ok;
  message: Ok;
  call: CallChange;
  ringing: Ok;
  accept: Ok;
  reject: Ok;
  hang_up: Ok;
  call_state: Ok;
  report: Ok;
  why: StoryMessage;
  ping: Pong;
  ice_servers: IceServers;
  token: Ok;
}

/** Fields that every frame of an open session has. */
interface Envelope {
  /** Counts the frames of this session, from 1. */
  seq: number;
  /** The `id` of the message that this one answers. */
  re?: string;
}

/** The session is open, or open again: the next frame has the number after `seq`. */
export interface Welcome extends Envelope {
  type: "welcome";
  v: number;
  session: string;
  identity: string;
  /** A secret that names this session in the `hello` after a lost connection. */
  resume: string;
  /** The session of `resume` goes on, with its rooms and member ids. */
  resumed: boolean;
  /** No frame was missed. */
  complete: boolean;
  heartbeat_s: number;
  /** How many seconds are left of the token; absent where there is none. */
  token_ttl_s?: number;
  ice_servers: RTCIceServer[];
  /** Absent when the credentials do not expire. */
  ice_ttl_s?: number;
  ice_transport_policy: RTCIceTransportPolicy;
  /** Absent where there is none, or only relays are used. */
  nat_probe?: NatProbe;
}

/**
 * The answer to `join`: one's own member id and who else is there. Without `re` after a loss: the
 * room as it is now.
 */
export interface Joined extends Envelope {
  type: "joined";
  room: string;
  kind: RoomKind;
  /** How many members it may have. */
  capacity: number;
  member: string;
  members: MemberObject[];
  version: number;
  /** The room allows nothing but relays. */
  ice_transport_policy?: "relay";
  /** Those that are not over for this member; only after a loss, and when there are some. */
  calls?: CallObject[];
}

/** How far a call has come, or one of its members; in this order. */
export type CallState =
  "inviting" | "ringing" | "accepted" | "connecting" | "reconnecting" | "connected" | "ended";

/** Why a call is over, or over for one of its members. */
export type CallReason =
  | "rejected"
  | "busy"
  | "timeout"
  | "cancelled"
  | "answered_elsewhere"
  | "hung_up"
  | "left"
  | "failed"
  /** Both called each other: the other one's call goes on. */
  | "glare";

/** One member's part in a call. */
export interface CallPart {
  member: string;
  state: CallState;
  reason?: CallReason;
}

/** A call as it stands. */
export interface CallObject {
  call: string;
  room: string;
  /** The member id of who called. */
  caller: string;
  whole_room?: true;
  state: CallState;
  reason?: CallReason;
  members: CallPart[];
  /** The caller's; only in the first that this member hears of the call. */
  data?: Json;
}

/** A call began or changed; with `re` the answer to `call`. */
export interface CallChange extends Envelope, CallObject {
  type: "call";
}

/** The answer to `why`. */
export interface StoryMessage extends Envelope {
  type: "story";
  story: Story;
}

/** Somebody came, or changed name or meta. */
export interface MemberChange extends Envelope {
  type: "member_joined" | "member_updated";
  room: string;
  member: MemberObject;
  version: number;
}

/** Why a member is gone. */
export type LeaveReason =
  | "left"
  | "disconnected"
  | "timed_out"
  | "revoked"
  | Exclude<PutOutReason, "room_closed">;

/**
 * Why a member was put out: the same identity joined on another device, its new token does not
 * allow the room, or the application's back end put it out or closed the room.
 */
export type PutOutReason = "replaced" | "not_allowed" | "kicked" | "room_closed";

/** Somebody is gone. */
export interface MemberLeft extends Envelope {
  type: "member_left";
  room: string;
  member: MemberObject;
  version: number;
  reason: LeaveReason;
}

/** This client is no longer in the room, and did not ask for it. */
export interface Left extends Envelope {
  type: "left";
  room: string;
  member: string;
  reason: PutOutReason;
}

/** A description from another member. */
export interface RemoteDescription extends Envelope {
  type: "description";
  room: string;
  from: string;
  connection: string;
  negotiation: number;
  description: Description;
}

/** A candidate from another member. */
export interface RemoteCandidate extends Envelope {
  type: "candidate";
  room: string;
  from: string;
  connection: string;
  /** Which offer of the connection it belongs to, where its sender says so. */
  negotiation?: number;
  candidate: Candidate;
}

/** An application message from another member. */
export interface RemoteMessage extends Envelope {
  type: "message";
  room: string;
  from: string;
  data: Json;
}

/** Done. `version` is there in the answer to `update`, `token_ttl_s` in that to `token`. */
export interface Ok extends Envelope {
  type: "ok";
  version?: number;
  token_ttl_s?: number;
  /** Put in line for somebody who is reconnecting. */
  held?: true;
}

/** What became of a message whose sender wanted to know. */
export interface Receipt extends Envelope {
  type: "receipt";
  /** The `id` of that message. */
  of: string;
  status: "delivered" | "expired" | "superseded";
}

/** In place of an offer that a newer one made useless before it arrived. */
export interface Superseded extends Envelope {
  type: "superseded";
}

/** The answer to `ping`. */
export interface Pong extends Envelope {
  type: "pong";
}

/** Renewed ICE servers, asked for or not. */
export interface IceServers extends Envelope {
  type: "ice_servers";
  ice_servers: RTCIceServer[];
  ice_ttl_s?: number;
  /** Absent where the server is older: it stays as it is. */
  ice_transport_policy?: RTCIceTransportPolicy;
  nat_probe?: NatProbe;
}

/** Refused, and nothing was done. Without `seq` before the session is open. */
export interface Refusal {
  type: "error";
  seq?: number;
  re?: string;
  code: string;
  message: string;
  field?: string;
  retry_after_s?: number;
}

/** What the server says about a room without being asked. */
export type RoomMessage =
  | Joined
  | MemberChange
  | MemberLeft
  | Left
  | RemoteDescription
  | RemoteCandidate
  | RemoteMessage
  | CallChange;

/** Every message of the server. */
export type ServerMessage =
  Welcome | RoomMessage | Receipt | Superseded | StoryMessage | Ok | Pong | IceServers | Refusal;

const SERVER_TYPES: ReadonlySet<string> = new Set<ServerMessage["type"]>([
  "welcome",
  "joined",
  "member_joined",
  "member_updated",
  "member_left",
  "left",
  "description",
  "candidate",
  "message",
  "receipt",
  "superseded",
  "call",
  "story",
  "ok",
  "pong",
  "ice_servers",
  "error",
]);

/** A message of a newer server: not understood, but it counts in the sequence. */
export interface UnknownMessage {
  type: "unknown";
  seq?: number;
}

/**
 * Reads one frame, as text or parsed already: `undefined` when it is no JSON object with a `type`.
 */
export function readServerMessage(frame: unknown): ServerMessage | UnknownMessage | undefined {
  const value = typeof frame === "string" ? parse(frame) : frame;
  if (isServerMessage(value)) {
    return value;
  }
  if (!isObject(value) || typeof value["type"] !== "string") {
    return undefined;
  }
  const seq = value["seq"];
  return typeof seq === "number" ? { type: "unknown", seq } : { type: "unknown" };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isServerMessage(value: unknown): value is ServerMessage {
  return isObject(value) && typeof value["type"] === "string" && SERVER_TYPES.has(value["type"]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
