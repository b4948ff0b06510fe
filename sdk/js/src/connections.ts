import { Connection } from "./connection.js";
import type { ConnectionSend, LocalMedia } from "./connection.js";
import type { Member } from "./member.js";
import type { LeaveReason, RemoteCandidate, RemoteDescription } from "./protocol.js";
import { randomId } from "./random.js";

/** What the connections of a room need from it. */
export interface ConnectionsLink {
  local: LocalMedia;
  configuration: () => RTCConfiguration;
  send: ConnectionSend;
  opened(connection: Connection): void;
  closed(connection: Connection): void;
}

/**
 * One connection to each member of a room, and what becomes of it while somebody is away.
 *
 * Where the server had to let a member go, as when it was started again, that one comes back
 * later, but the media between the two may never have stopped. So a connection that still flows
 * stays for a while without a member, and goes on when that one is there again.
 *
 * ```text
 *            member comes            member left, or signaling lost
 *  (nothing) ─────────────▶ bound ─────────────────────────────────▶ lingering, if it flows
 *                             ▲                                         │      │
 *                             └───────── the same member is back ───────┘      ▼
 *                                                             stops flowing, 2 min: closed
 * ```
 */
export class Connections {
  readonly #link: ConnectionsLink;
  readonly #byId = new Map<string, Connection>();
  /** Connections whose member is gone, and when to give them up. */
  readonly #lingering = new Map<Connection, ReturnType<typeof setTimeout> | undefined>();
  readonly #members = new Map<string, Member>();
  #self = "";

  constructor(link: ConnectionsLink) {
    this.#link = link;
  }

  /** All connections, the lingering ones included. */
  all(): Connection[] {
    return [...this.#byId.values()];
  }

  /** The connection with this member. */
  of(memberId: string): Connection | undefined {
    return this.all().find(({ member }) => member.id === memberId);
  }

  /** Joined, or joined again, as `self`. Under another id nobody knows one's connections again. */
  joined(self: string, members: Iterable<Member>): void {
    const isKnown = self === this.#self;
    this.#self = self;
    this.#members.clear();
    for (const connection of this.all()) {
      if (isKnown) {
        this.#linger(connection);
      } else {
        this.#close(connection);
      }
    }
    for (const member of members) {
      this.memberJoined(member);
    }
  }

  /** The connection to the server is lost: nobody can be told anything, but media may flow. */
  signalingLost(): void {
    for (const connection of this.all()) {
      clearTimeout(this.#lingering.get(connection));
      this.#lingering.set(connection, undefined);
    }
  }

  /** The session goes on as if nothing had been: so do the connections. */
  signalingBack(): void {
    for (const connection of [...this.#lingering.keys()]) {
      if (this.#members.has(connection.member.id)) {
        this.#lingering.delete(connection);
      } else {
        this.#linger(connection);
      }
    }
  }

  /**
   * The session goes on, but some of what the others said is lost; `members`: who is there now.
   * What is connected stays so, at most with another offer; what was on its way begins anew.
   */
  resynced(members: Iterable<Member>): void {
    this.#members.clear();
    for (const member of members) {
      this.#members.set(member.id, member);
    }
    for (const connection of this.all()) {
      if (!this.#members.has(connection.member.id)) {
        this.#linger(connection);
      }
    }
    for (const member of this.#members.values()) {
      this.#goOn(member);
    }
  }

  #goOn(member: Member): void {
    const connection = this.of(member.id);
    if (connection === undefined || this.#lingering.has(connection)) {
      this.memberJoined(member);
    } else if (connection.phase === "connected") {
      connection.updateMember(member);
      connection.offerAgain();
    } else if (member.offers) {
      this.#replace(connection);
    }
  }

  /** Somebody is there: goes on with the connection that still lives, or begins one. */
  memberJoined(member: Member): void {
    this.#members.set(member.id, member);
    // The impolite side always may offer, so leaving it the first offer avoids a collision.
    const begins = !member.polite && member.offers;
    const former = this.#lingeringWith(member.id);
    if (former !== undefined) {
      // What was said meanwhile is lost: one offer puts both in the same state.
      this.#bind(former, member, begins);
    } else if (begins) {
      this.#open(randomId(), member, true);
    }
  }

  /** A member changed name or meta. */
  memberUpdated(member: Member): void {
    this.#members.set(member.id, member);
    this.of(member.id)?.updateMember(member);
  }

  /** A member left: of its own will, put out by the back end, or because its signaling was cut. */
  memberLeft(memberId: string, reason: LeaveReason): void {
    this.#members.delete(memberId);
    const connection = this.of(memberId);
    if (connection === undefined) {
      return;
    }
    if (UNMEANT.has(reason)) {
      this.#linger(connection);
    } else {
      this.#close(connection);
    }
  }

  /** A description from a member of the room. */
  description({ from, connection: id, negotiation, description }: RemoteDescription): void {
    const member = this.#members.get(from);
    if (member === undefined) {
      return;
    }
    let connection = this.#byId.get(id);
    if (connection !== undefined && connection.member.id !== from) {
      return;
    }
    if (connection !== undefined && !connection.isFromSamePeer(description)) {
      connection = this.#replaced(connection, member, description.type);
    }
    if (connection === undefined && description.type === "offer") {
      connection = this.#accept(id, member);
    }
    connection?.receiveDescription(negotiation, description);
  }

  /** A candidate from a member of the room. */
  candidate({ from, connection: id, candidate }: RemoteCandidate): void {
    const connection = this.#byId.get(id);
    if (connection?.member.id === from) {
      connection.receiveCandidate(candidate);
    }
  }

  /**
   * Begins every connection anew, with the configuration of now. A restart of ICE would not do:
   * browsers keep a path that works, also one that a new policy forbids.
   */
  renew(): void {
    for (const member of this.#members.values()) {
      const connection = this.of(member.id);
      if (connection !== undefined && member.offers) {
        this.#replace(connection);
      }
    }
  }

  /** Ends all connections. */
  close(): void {
    this.#members.clear();
    for (const connection of this.all()) {
      this.#close(connection);
    }
  }

  /** The connection that waits for this member. */
  #lingeringWith(memberId: string): Connection | undefined {
    return this.all().find(
      (connection) => this.#lingering.has(connection) && connection.member.id === memberId,
    );
  }

  /** Another `RTCPeerConnection` answers under a known name: begin anew, or let it begin. */
  #replaced(connection: Connection, member: Member, type: RTCSdpType): undefined {
    this.#close(connection);
    if (type !== "offer" && member.offers) {
      this.#open(randomId(), member, true);
    }
  }

  /** An offer of an unknown connection: a new one, unless one's own attempt takes precedence. */
  #accept(id: string, member: Member): Connection | undefined {
    const present = this.of(member.id);
    if (present?.begun && present.phase === "connecting" && !member.polite) {
      return undefined;
    }
    if (present !== undefined) {
      this.#close(present);
    }
    return this.#open(id, member, false);
  }

  #open(id: string, member: Member, begins: boolean): Connection {
    const { local, configuration, send } = this.#link;
    const connection = new Connection({
      id,
      member,
      begins,
      local,
      configuration,
      send,
      replace: (lost) => this.#replace(lost),
    });
    this.#byId.set(id, connection);
    this.#link.opened(connection);
    connection.contribute();
    return connection;
  }

  #replace(lost: Connection): void {
    const member = this.#members.get(lost.member.id);
    this.#close(lost);
    if (member !== undefined) {
      this.#open(randomId(), member, true);
    }
  }

  #bind(connection: Connection, member: Member, offer: boolean): void {
    clearTimeout(this.#lingering.get(connection));
    this.#lingering.delete(connection);
    connection.rebind(member, offer);
  }

  /** Keeps a connection without a member while packets flow, but not for long. */
  #linger(connection: Connection): void {
    clearTimeout(this.#lingering.get(connection));
    if (connection.phase !== "connected") {
      return this.#close(connection);
    }
    const giveUp = (): void => {
      unsubscribe();
      if (this.#lingering.has(connection)) {
        this.#close(connection);
      }
    };
    const unsubscribe = connection.on("phase", giveUp);
    this.#lingering.set(connection, setTimeout(giveUp, LINGER_MS));
  }

  #close(connection: Connection): void {
    clearTimeout(this.#lingering.get(connection));
    this.#lingering.delete(connection);
    if (this.#byId.delete(connection.id)) {
      connection.close();
      this.#link.closed(connection);
    }
  }
}

/** Who is gone so may come back, and has not said that media is to end. */
const UNMEANT: ReadonlySet<LeaveReason> = new Set(["disconnected", "timed_out"]);

/**
 * A server that stops sends its clients back over a minute, and they are not all lucky at once: of
 * two, one may be there so much sooner than the other.
 */
export const LINGER_MS = 120_000;
