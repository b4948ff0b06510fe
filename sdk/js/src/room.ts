import type { Call, CallOptions, CallProgress } from "./call.js";
import { Calls } from "./calls.js";
import { codecs } from "./codecs.js";
import type { Connection, LocalMedia } from "./connection.js";
import { Connections } from "./connections.js";
import { Emitter } from "./emitter.js";
import { KopruError } from "./errors.js";
import { readMember } from "./member.js";
import type { Member } from "./member.js";
import type {
  Joined,
  Json,
  JsonObject,
  LeaveReason,
  Left,
  MemberChange,
  MemberLeft,
  OwnNat,
  Report,
  Requests,
  RoomMessage,
  Story,
} from "./protocol.js";
import type { Fate } from "./receipts.js";
import { Rejoin } from "./rejoin.js";
import type { JoinOptions, RoomEvents, RoomLink, RoomStatus } from "./room-events.js";

/** A membership in one room. Made by `Client.join`. */
export class Room extends Emitter<RoomEvents> {
  readonly #link: RoomLink;
  readonly #options: JoinOptions;
  readonly #members = new Map<string, Member>();
  readonly #connections: Connections | undefined;
  readonly #calls: Calls;
  #name: string;
  #member: string | undefined;
  #version = 0;
  #status: RoomStatus = "joining";
  #relayOnly: boolean;
  /** The server told it to use relays only, in whatever session: it does so for good. */
  #relayOnlyTold = false;
  /** What the others were told of this device's NAT; `null`: nothing. */
  #toldNat: OwnNat | null = null;
  /** The server said that it knows no reports. */
  #reportsUnknown = false;
  readonly #rejoin: Rejoin;
  /** Set while the first `join` waits for a session. */
  #online: (() => void) | undefined;

  /** Made by `Client.join`. */
  constructor(name: string, options: JoinOptions, link: RoomLink) {
    super();
    this.#name = name;
    this.#options = { ...options };
    this.#link = link;
    this.#relayOnly = options.relayOnly ?? false;
    this.#calls = new Calls({
      request: link.request,
      own: () => this.#member ?? "",
      began: (call) => this.emit("call", call),
      progress: (member) => progressOf(this.connectionWith(member)),
    });
    this.#rejoin = new Rejoin({
      join: () => this.#joinAgain(),
      refused: (error, retryAt) => this.emit("rejoin_refused", { error, retryAt }),
      over: (error) => this.#close(error),
      unsure: () => link.resync(),
    });
    this.#connections = options.connect === false ? undefined : this.#makeConnections();
  }

  /** The canonical name, as the server writes it. */
  get name(): string {
    return this.#name;
  }

  /** One's own member id. Stays, unless the server lost all memory of it. */
  get member(): string | undefined {
    return this.#member;
  }

  /** Where this membership stands. */
  get status(): RoomStatus {
    return this.#status;
  }

  /** Everybody else in the room, by member id. */
  get members(): ReadonlyMap<string, Member> {
    return this.#members;
  }

  /** All connections, those whose member is away for a moment included. */
  get connections(): Connection[] {
    return this.#connections?.all() ?? [];
  }

  /** The calls that are not over for this device. */
  get calls(): Call[] {
    return this.#calls.all();
  }

  /** Whether connections use relays only: as the application asks, or the server ever has. */
  get relayOnly(): boolean {
    return this.#relayOnly || this.#relayOnlyTold;
  }

  /** The connection with this member, when there is one. */
  connectionWith(member: string): Connection | undefined {
    return this.#connections?.of(member);
  }

  /**
   * Switches between all paths and relays only, and begins every connection anew. It takes back
   * no address that was told before, and no policy of the server: where that has changed, leave and
   * join again.
   */
  setRelayOnly(relayOnly: boolean): void {
    if (relayOnly !== this.#relayOnly) {
      this.#relayOnly = relayOnly;
      this.#connections?.renew();
      this.tellNat();
    }
  }

  /**
   * Says something to one member, or to everybody. Resolves when it is in line for them; to one
   * member and with `receipt`, when it is known whether that one has it. Clients acknowledge when
   * they say something, so that may take as long as a heartbeat.
   *
   * @throws KopruError with the server's code; `disconnected` also where nobody can tell any more
   */
  send(data: Json, to?: string): Promise<void>;
  send(data: Json, to: string, options: { receipt: true }): Promise<Fate>;
  async send(data: Json, to?: string, options?: { receipt: true }): Promise<Fate | void> {
    const message = { room: this.#name, ...(to === undefined ? {} : { to }), data };
    if (options?.receipt === true) {
      return this.#link.receipt("message", message);
    }
    await this.#link.request("message", message);
  }

  /**
   * Calls somebody, or everybody. What comes of it, the call tells.
   *
   * @throws KopruError with the server's code: `no_such_member`, `too_many_calls`, …
   */
  call(options: CallOptions = {}): Promise<Call> {
    return this.#calls.begin(this.#name, options);
  }

  /**
   * What became of a connection with this member, the newest one unless it is named, as far as the
   * server and both sides know: how it went, and why, in words.
   *
   * @throws KopruError with the server's code: `unknown_type` where the server tells no stories
   */
  async why(member: string, connection?: string): Promise<Story> {
    const named = connection === undefined ? {} : { connection };
    const answer = await this.#link.request("why", { room: this.#name, to: member, ...named });
    return answer.story;
  }

  /** Changes one's own name, meta, or both. */
  async update(change: { name?: string; meta?: JsonObject }): Promise<void> {
    Object.assign(this.#options, change);
    await this.#requestUpdate(change);
  }

  /** Leaves, and ends all connections. */
  leave(): void {
    if (this.#status !== "closed") {
      this.#link.request("leave", { room: this.#name }).catch(() => undefined);
      this.#close(undefined);
    }
  }

  /** Joins for the first time. Called by `Client`. */
  async enter(): Promise<void> {
    while (this.#status === "joining") {
      try {
        return this.#joined(await this.#requestJoin());
      } catch (error) {
        if (!(error instanceof KopruError) || error.code !== "disconnected") {
          this.#close(undefined);
          throw error;
        }
      }
      if (this.#status === "joining" && !this.#link.isOnline()) {
        await this.#backOnline();
      }
    }
    throw new KopruError("closed", "the client was closed while it was joining");
  }

  /** The connection to the server is lost. Called by `Client`. */
  sessionLost(): void {
    if (this.#status === "joined") {
      this.#connections?.signalingLost();
      this.#setStatus("away");
    }
  }

  /** The session goes on; `joined` follows if something was missed. Called by `Client`. */
  sessionResumed(): void {
    if (this.#status !== "away") {
      return;
    }
    if (!this.#rejoin.isIn) {
      return this.#rejoin.goOn();
    }
    this.#connections?.signalingBack();
    this.#setStatus("joined");
  }

  /** A new session is open, and this room not joined in it. Called by `Client`. */
  sessionReplaced(): void {
    this.#reportsUnknown = false;
    if (this.#status === "joining") {
      this.#online?.();
    } else if (this.#status === "away") {
      this.#rejoin.begin();
    }
  }

  /** Perhaps more is known of this device's NAT, or less may be told. Called by `Client`. */
  tellNat(): void {
    this.#heed(this.#link.iceConfiguration().iceTransportPolicy);
    if (this.#status !== "joined") {
      return;
    }
    // Nobody's business where nobody connects, or only relays are used.
    const tells = this.#connections !== undefined && !this.relayOnly;
    const nat = (tells ? this.#link.nat() : undefined) ?? null;
    if (nat !== this.#toldNat) {
      this.#toldNat = nat;
      // Away from the server, it is told after the next join.
      this.#requestUpdate({ nat }).catch(() => undefined);
    }
  }

  /** There will be no further session. Called by `Client`. */
  sessionClosed(error: KopruError | undefined): void {
    this.#close(error);
  }

  /** Something the server says about this room. Called by `Client`. */
  receive(message: RoomMessage): void {
    if (this.#status !== "joined") {
      return;
    }
    switch (message.type) {
      case "joined":
        return this.#joined(message);
      case "left":
        return this.#putOut(message);
      case "description":
        return this.#connections?.description(message);
      case "candidate":
        return this.#connections?.candidate(message);
      case "call":
        return this.#calls.receive(message);
      case "message": {
        const from = this.#members.get(message.from);
        return from && this.emit("message", { from, data: message.data });
      }
      default:
        return this.#follow(message);
    }
  }

  /** A change of who is there; every change of the room counts its version up by one. */
  #follow(message: MemberChange | MemberLeft): void {
    const isBackOrAway = message.type === "member_updated" && message.version === this.#version;
    if (isBackOrAway) {
      // Not a change that counts.
      return this.#changed(readMember(message.member));
    }
    if (message.version <= this.#version) {
      return;
    }
    if (message.version > this.#version + 1) {
      return this.#link.resync();
    }
    this.#version = message.version;
    const member = readMember(message.member);
    if (message.type === "member_left") {
      this.#left(member, message.reason);
    } else {
      this.#changed(member);
    }
  }

  #changed(member: Member): void {
    const known = this.#members.has(member.id);
    this.#members.set(member.id, member);
    if (known) {
      this.#connections?.memberUpdated(member);
      this.emit("member_updated", member);
    } else {
      this.#connections?.memberJoined(member);
      this.emit("member_joined", member);
    }
  }

  #left(member: Member, reason: LeaveReason): void {
    this.#members.delete(member.id);
    this.#connections?.memberLeft(member.id, reason);
    this.emit("member_left", { member, reason });
  }

  /** Not joined again by itself: two devices that replace each other would never end. */
  #putOut({ member, reason }: Left): void {
    if (member === this.#member) {
      const words = {
        replaced: "joined on another device",
        not_allowed: "the token does not allow this room any more",
        kicked: "put out of the room",
        room_closed: "the room was closed",
      };
      this.#close(new KopruError(reason, words[reason]));
    }
  }

  async #requestUpdate(change: Omit<Requests["update"], "room">): Promise<void> {
    const { version } = await this.#link.request("update", { room: this.#name, ...change });
    this.#version = Math.max(this.#version, version ?? 0);
  }

  #requestJoin(): Promise<Joined> {
    const { name, meta, kind, can, protocols } = this.#options;
    // Told when it is known that this is no room for relays only.
    this.#toldNat = null;
    const known = this.#connections === undefined ? {} : codecs();
    const media = { ...known, ...can, ...(protocols === undefined ? {} : { data: protocols }) };
    return this.#link.request("join", {
      room: this.#name,
      ...(name === undefined ? {} : { name }),
      ...(meta === undefined ? {} : { meta }),
      ...(Object.keys(media).length === 0 ? {} : { media }),
      ...(this.#member === undefined ? {} : { member: this.#member }),
      ...(kind === undefined ? {} : { kind }),
    });
  }

  /** The snapshot of the room replaces what was known of it. */
  #joined({ re, room, member, members, version, ice_transport_policy, calls }: Joined): void {
    this.#name = room;
    this.#heed(ice_transport_policy);
    this.#heed(this.#link.iceConfiguration().iceTransportPolicy);
    this.#member = member;
    this.#version = version;
    this.#members.clear();
    for (const object of members) {
      this.#members.set(object.member, readMember(object));
    }
    this.#setStatus("joined");
    if (re === undefined) {
      // Unasked: something was missed.
      this.#connections?.resynced(this.#members.values());
    } else {
      this.#connections?.joined(member, this.#members.values());
    }
    this.#calls.replace(calls ?? []);
    this.tellNat();
  }

  async #joinAgain(): Promise<void> {
    const joined = await this.#requestJoin();
    if (this.#status === "away") {
      this.#joined(joined);
      this.emit("rejoined", { member: joined.member });
    }
  }

  /** A server that was started again may have forgotten why; who is here has not agreed to more. */
  #heed(policy: RTCIceTransportPolicy | undefined): void {
    this.#relayOnlyTold ||= policy === "relay";
  }

  #backOnline(): Promise<void> {
    return new Promise((resolve) => {
      this.#online = resolve;
    });
  }

  #makeConnections(): Connections {
    if (typeof RTCPeerConnection === "undefined") {
      throw new KopruError("not_supported", "no WebRTC here: join with `connect: false`");
    }
    const { media, channels } = this.#options;
    const local: LocalMedia = { stream: media, channels: channels ?? [] };
    return new Connections({
      local,
      configuration: () => ({
        ...this.#link.iceConfiguration(),
        iceTransportPolicy: this.relayOnly ? "relay" : "all",
      }),
      send: {
        description: (connection, negotiation, description) =>
          this.#tell(connection, (address) =>
            this.#describe(connection, { ...address, negotiation, description }),
          ),
        candidate: (connection, candidate) =>
          this.#tell(connection, (address) =>
            this.#link.request("candidate", { ...address, candidate }),
          ),
        report: (connection, report) => this.#report(connection, report),
        why: ({ id, member }) => this.why(member.id, id),
      },
      opened: (connection) => this.#opened(connection),
      closed: (connection) => this.emit("connection_closed", connection),
    });
  }

  #opened(connection: Connection): void {
    connection.on("phase", () => this.#calls.follow());
    connection.on("track", (track) => this.emit("track", { connection, track }));
    connection.on("channel", (channel) => this.emit("channel", { connection, channel }));
    this.emit("connection", connection);
  }

  /** Sends to the member of a connection, unless that member is away. */
  #tell(connection: Connection, request: (address: Address) => Promise<unknown>): void {
    const address = this.#addressOf(connection);
    if (address === undefined) {
      return;
    }
    request(address).catch((error: KopruError) => {
      // That the other side or the server is gone is told by other events.
      if (error.code !== "no_such_member" && error.code !== "disconnected") {
        this.emit("refused", { connection, error });
      }
    });
  }

  /** An offer that never arrives is made again: its sender would wait for the answer for ever. */
  async #describe(connection: Connection, fields: Requests["description"]): Promise<void> {
    if (fields.description.type !== "offer") {
      await this.#link.request("description", fields);
      return;
    }
    const fate = await this.#link.receipt("description", fields);
    if (fate === "expired" && this.#addressOf(connection) !== undefined) {
      connection.offerAgain(fields.negotiation);
    }
  }

  /** For the story of the connection. What is lost of it is no reason to stop anything else. */
  #report(connection: Connection, report: Report): void {
    const address = this.#addressOf(connection);
    if (address === undefined || this.#reportsUnknown) {
      return;
    }
    this.#link.request("report", { ...address, ...report }).catch(({ code }: KopruError) => {
      this.#reportsUnknown ||= code === "unknown_type";
    });
  }

  #addressOf({ id, member }: Connection): Address | undefined {
    const isThere = this.#members.has(member.id);
    return isThere ? { room: this.#name, to: member.id, connection: id } : undefined;
  }

  #close(error: KopruError | undefined): void {
    if (this.#status === "closed") {
      return;
    }
    this.#link.forget();
    this.#rejoin.stop();
    this.#online?.();
    this.#members.clear();
    this.#connections?.close();
    this.#calls.replace([]);
    this.#setStatus("closed");
    this.emit("closed", { error });
  }

  #setStatus(status: RoomStatus): void {
    this.#status = status;
    this.emit("status", status);
  }
}

function progressOf(connection: Connection | undefined): CallProgress | undefined {
  const phase = connection?.phase;
  return phase === "failed" || phase === "closed" ? undefined : phase;
}

/** Where a description or candidate goes. */
interface Address {
  room: string;
  to: string;
  connection: string;
}
