/** The story of a connection: what is reported for it, and how it is told (`docs/protocol.md`). */

import type { Json, Sure } from "./protocol.js";

/** What one side of a connection knows of it. */
export interface Report {
  /** The state of ICE. */
  state: RTCIceConnectionState;
  /** From the first description to the first connected state. */
  setup_ms?: number;
  /** How many candidates of each type this side has gathered so far. */
  candidates?: { [type: string]: number };
  /** The selected pair. */
  pair?: { local: ReportedCandidate; remote: ReportedCandidate };
  /** What went wrong while candidates were gathered, each once. */
  errors?: CandidateError[];
}

/** One end of a selected pair; the address where the browser shows it and it may be told. */
export interface ReportedCandidate {
  type: RTCIceCandidateType;
  /** `udp` or `tcp`. */
  protocol?: string;
  /** Between a client and its relay: `udp`, `tcp` or `tls`. */
  relay_protocol?: string;
  address?: string;
  port?: number;
}

/** A STUN or TURN server that could not be used. */
export interface CandidateError {
  url?: string;
  /** A STUN error code; 701 where the server was not reached. */
  code: number;
  text: string;
}

/** What became of one connection, as far as the server and both sides know it. */
export interface Story {
  /** `t_…`; absent where nothing has passed between the two. */
  id?: string;
  room: string;
  /** The call to which it belonged. */
  call?: string;
  connection?: string;
  /** The two whose connection it is. */
  members: StoryMember[];
  state: StoryState;
  path?: "direct" | "relayed";
  /** From the first description to the first connected state. */
  setup_ms?: number;
  began_unix_ms: number;
  /** How long it was, when it is over. */
  lasted_ms?: number;
  /** Entries that the timeline had no place for. */
  dropped: number;
  timeline: StoryEntry[];
  verdict: Verdict;
}

/** How far a connection has come. */
export type StoryState = "connecting" | "connected" | "reconnecting" | "failed" | "ended";

/** One of the two of a story. */
export interface StoryMember {
  member: string;
  name: string;
  /** The state of ICE, as that side reported it last. */
  ice?: RTCIceConnectionState;
  /** How many candidates of each type it has gathered. */
  candidates: { [type: string]: number };
}

/** Something that happened; beside `what`, fields of its own. */
export interface StoryEntry {
  /** Since the story began; negative for what TURN saw before. */
  at_ms: number;
  /** The member of whom it tells. */
  who?: string;
  what: string;
  [field: string]: Json | undefined;
}

/** Why a connection is as it is, and what helps. */
export interface Verdict {
  class: string;
  /** The member with whom the cause lies. */
  whose?: string;
  sure: Sure;
  cause: string;
  cure: string;
}
