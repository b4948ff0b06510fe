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
 * One connection to each member of a room, and who goes on with which when member ids change.
 *
 * A member whose signaling was cut has left the room and comes back under a new id, but the
 * media between the two may never have stopped. So a connection that still flows stays for a
 * while without a member. Whoever came back offers in it again, from the new id: knowing the
 * connection's id, a random one that only the two know, is the proof that it is the same one.
 *
 * ```text
 *            member comes                     member left, or signaling lost
 *  (nothing) ─────────────▶ bound ───────────────────────────────▶ lingering, if it flows
 *                             ▲                                       │      │
 *                             └──── offer of its id from a new id ────┘      ▼
 *                                                           stops flowing, 30 s: closed
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
    return this.all().find(({ member, self }) => member.id === memberId && self === this.#self);
  }

  /** Joined, or joined again, as `self`. */
  joined(self: string, members: Iterable<Member>): void {
    this.#self = self;
    this.#members.clear();
    for (const connection of this.all()) {
      this.#linger(connection);
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

  /** Somebody is there: goes on with the connection that still lives, or begins one. */
  memberJoined(member: Member): void {
    this.#members.set(member.id, member);
    const former = this.#formerOf(member);
    if (former === undefined) {
      // The impolite side always may offer, so leaving it the first offer avoids a collision.
      if (!member.polite && member.offers) {
        this.#open(randomId(), member, true);
      }
      return;
    }
    const selfChanged = former.self !== this.#self;
    const memberChanged = former.member.id !== member.id;
    const mine = selfChanged && (!memberChanged || !member.polite);
    if (mine && member.offers) {
      this.#bind(former, member, true);
    }
  }

  /** A member changed name or meta. */
  memberUpdated(member: Member): void {
    this.#members.set(member.id, member);
    this.of(member.id)?.updateMember(member);
  }

  /** A member left: of its own will, or because its signaling was cut. */
  memberLeft(memberId: string, reason: LeaveReason): void {
    this.#members.delete(memberId);
    const connection = this.all().find(({ member }) => member.id === memberId);
    if (connection === undefined) {
      return;
    }
    if (reason === "left") {
      this.#close(connection);
    } else {
      this.#linger(connection);
    }
  }

  /** A description from a member of the room. */
  description({ from, connection: id, negotiation, description }: RemoteDescription): void {
    const member = this.#members.get(from);
    if (member === undefined) {
      return;
    }
    let connection = this.#byId.get(id);
    if (connection !== undefined && !this.#belongs(connection, member)) {
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
        this.#close(connection);
        this.#open(randomId(), member, true);
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

  /** The connection with this member from before one of the two changed its id. */
  #formerOf(member: Member): Connection | undefined {
    return this.all().find(
      (connection) =>
        this.#lingering.has(connection) &&
        (connection.member.id === member.id || connection.member.id === member.continues),
    );
  }

  /** Whether this member may speak in this connection; one that lingers follows its proof. */
  #belongs(connection: Connection, member: Member): boolean {
    if (this.#lingering.has(connection)) {
      this.#bind(connection, member, false);
    }
    return connection.member.id === member.id;
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
    for (const connection of [present, this.#formerOf(member)]) {
      if (connection !== undefined) {
        this.#close(connection);
      }
    }
    return this.#open(id, member, false);
  }

  #open(id: string, member: Member, begins: boolean): Connection {
    const { local, configuration, send } = this.#link;
    const connection = new Connection({
      id,
      self: this.#self,
      member,
      begins,
      local,
      configuration,
      send,
    });
    this.#byId.set(id, connection);
    this.#link.opened(connection);
    connection.contribute();
    return connection;
  }

  #bind(connection: Connection, member: Member, offer: boolean): void {
    clearTimeout(this.#lingering.get(connection));
    this.#lingering.delete(connection);
    connection.rebind(this.#self, member, offer);
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
        this.#meetAgain(connection);
      }
    };
    const unsubscribe = connection.on("phase", giveUp);
    this.#lingering.set(connection, setTimeout(giveUp, LINGER_MS));
  }

  /** Somebody was expected to go on with this connection; now that it is closed, begin anew. */
  #meetAgain({ member: former }: Connection): void {
    for (const member of this.#members.values()) {
      const expected = member.id === former.id || member.continues === former.id;
      if (expected && this.of(member.id) === undefined) {
        this.memberJoined(member);
      }
    }
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

const LINGER_MS = 30_000;
