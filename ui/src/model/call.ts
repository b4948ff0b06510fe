import { Client, KopruError } from "kopru";
import type { ClientState, Connection, Member, Path, Phase, Room, Story } from "kopru";
import { Departures } from "./departures.js";
import { Echo } from "./echo.js";
import type { Invitation } from "./invitation.js";
import type { LocalMedia } from "./media.js";
import { Ringing } from "./ringing.js";

/** Somebody else in the call, as the page shows them. */
export interface Peer {
  member: Member;
  /** `false` while their connection to the server is lost. */
  present: boolean;
  phase: Phase;
  path: Path | undefined;
  connection: Connection | undefined;
  /** What they say about themselves. */
  microphone: boolean;
  camera: boolean;
}

/** One line of the chat. */
export interface ChatLine {
  from: string;
  mine: boolean;
  text: string;
  at: Date;
}

/** Where the call stands. */
export type CallStatus = "reaching" | "joined" | "away" | "ended";

/** One call: a room, its members, what they send, and what is said. */
export class Call {
  readonly client: Client;
  readonly media: LocalMedia;
  readonly invitation: Invitation;
  readonly #changed: () => void;
  readonly #paths = new Map<Connection, Path>();
  readonly #echoes = new Map<Connection, Echo>();
  #room: Room | undefined;
  #ringing: Ringing | undefined;
  #departures: Departures | undefined;
  #error: KopruError | undefined;
  #ended = false;
  #lines: ChatLine[] = [];
  #microphone = true;
  #camera = true;
  #relayOnly: boolean;
  #pathTimer: ReturnType<typeof setInterval> | undefined;

  /** `changed` is called whenever something that is shown may have changed. */
  constructor(server: string, invitation: Invitation, media: LocalMedia, changed: () => void) {
    const { token, relayOnly } = invitation;
    this.client = new Client(server, token === undefined ? {} : { token });
    this.invitation = invitation;
    this.media = media;
    this.#relayOnly = relayOnly;
    this.#changed = changed;
    this.client.on("state", changed);
  }

  /** Joins the room. How it goes shows in `status`, `server` and `error`. */
  async start(): Promise<void> {
    const { room: name, name: displayName } = this.invitation;
    try {
      const room = await this.client.join(name, {
        name: displayName,
        meta: this.#meta(),
        media: this.media.stream,
        channels: [CHAT, ECHO],
        relayOnly: this.#relayOnly,
      });
      this.#enter(room);
    } catch (error) {
      this.#end(error instanceof KopruError ? error : new KopruError("unknown", String(error)));
    }
  }

  /** Where the call stands. */
  get status(): CallStatus {
    if (this.#ended) {
      return "ended";
    }
    return this.#room === undefined ? "reaching" : this.#room.status === "away" ? "away" : "joined";
  }

  /** Where the connection to the server stands. */
  get server(): ClientState {
    return this.client.state;
  }

  /** Why the call ended, unless this person ended it. */
  get error(): KopruError | undefined {
    return this.#error;
  }

  /** The room, once joined. */
  get room(): Room | undefined {
    return this.#room;
  }

  /** Calling people who are there, once joined. */
  get ringing(): Ringing | undefined {
    return this.#ringing;
  }

  /** Who went last, once joined. */
  get departures(): Departures | undefined {
    return this.#departures;
  }

  /** Everybody else: the members, and those whose picture still comes. */
  get peers(): Peer[] {
    const room = this.#room;
    if (room === undefined) {
      return [];
    }
    const connections = room.connections;
    const shown = new Set(connections.map(({ member }) => member.id));
    const waiting = [...room.members.values()].filter(({ id }) => !shown.has(id));
    return [
      ...connections.map((connection) => {
        const { member } = connection;
        const now = room.members.get(member.id);
        return this.#peer(now ?? member, connection, now?.reconnecting === false);
      }),
      ...waiting.map((member) => this.#peer(member, undefined, true)),
    ];
  }

  /** What was said, oldest first. */
  get lines(): readonly ChatLine[] {
    return this.#lines;
  }

  /** Whether this person can be heard. */
  get microphone(): boolean {
    return this.#microphone;
  }

  /** Whether this person can be seen. */
  get camera(): boolean {
    return this.#camera;
  }

  /** Whether only relays are used; the server may demand it. */
  get relayOnly(): boolean {
    return this.#room?.relayOnly ?? this.#relayOnly;
  }

  setMicrophone(on: boolean): void {
    this.#microphone = on;
    this.#enable(this.media.stream.getAudioTracks(), on);
  }

  setCamera(on: boolean): void {
    this.#camera = on;
    this.#enable(this.media.stream.getVideoTracks(), on);
  }

  setRelayOnly(on: boolean): void {
    this.#relayOnly = on;
    this.#room?.setRelayOnly(on);
    this.#changed();
  }

  /** Says something to everybody, through the data channels. */
  say(text: string): void {
    for (const { connection } of this.peers) {
      const channel = connection?.channels.get(CHAT);
      if (channel?.readyState === "open") {
        channel.send(text);
      }
    }
    this.#addLine(this.invitation.name, true, text);
  }

  /** Sends random bytes to somebody and back; the time it took, in milliseconds. */
  async echo(connection: Connection, bytes: number): Promise<number> {
    const echo = this.#echoes.get(connection);
    if (echo === undefined) {
      throw new Error("there is no data channel yet");
    }
    return echo.run(bytes);
  }

  /** What the server tells of the connection with somebody; `undefined` where it tells nothing. */
  async why(member: string): Promise<Story | undefined> {
    try {
      return await this.#room?.why(member);
    } catch {
      return undefined;
    }
  }

  /** Leaves, and ends the session. */
  hangUp(): void {
    this.client.close();
    this.#end(undefined);
  }

  #enter(room: Room): void {
    if (room.members.size >= PEOPLE_MAX) {
      this.client.close();
      return this.#end(new KopruError("room_full", "the demo connects up to four"));
    }
    this.#room = room;
    this.#ringing = new Ringing(room, this.#changed);
    this.#departures = new Departures(room, this.#changed);
    for (const connection of room.connections) {
      this.#attach(connection);
    }
    room.on("connection", (connection) => this.#attach(connection));
    room.on("connection_closed", (connection) => {
      this.#paths.delete(connection);
      this.#echoes.delete(connection);
      this.#changed();
    });
    for (const event of ["status", "rejoined", "member_joined", "member_updated"] as const) {
      room.on(event, this.#changed);
    }
    room.on("member_left", this.#changed);
    room.on("closed", ({ error }) => this.#end(error));
    this.#pathTimer = setInterval(() => void this.#readPaths(), PATH_INTERVAL_MS);
    this.#changed();
  }

  #attach(connection: Connection): void {
    connection.on("phase", () => void this.#readPaths());
    connection.on("track", this.#changed);
    connection.on("channel", (channel) => this.#attachChannel(connection, channel));
    for (const channel of connection.channels.values()) {
      this.#attachChannel(connection, channel);
    }
    this.#changed();
  }

  #attachChannel(connection: Connection, channel: RTCDataChannel): void {
    if (channel.label === ECHO) {
      this.#echoes.set(connection, new Echo(channel));
    } else if (channel.label === CHAT) {
      channel.addEventListener("message", ({ data }) => {
        if (typeof data === "string") {
          this.#addLine(connection.member.name, false, data.slice(0, LINE_CHARS_MAX));
        }
      });
    }
  }

  #addLine(from: string, mine: boolean, text: string): void {
    this.#lines = [...this.#lines, { from, mine, text, at: new Date() }].slice(-LINES_MAX);
    this.#changed();
  }

  #peer(member: Member, connection: Connection | undefined, present: boolean): Peer {
    return {
      member,
      present,
      phase: connection?.phase ?? "connecting",
      path: connection && this.#paths.get(connection),
      connection,
      microphone: member.meta["microphone"] !== false,
      camera: member.meta["camera"] !== false,
    };
  }

  async #readPaths(): Promise<void> {
    for (const connection of this.#room?.connections ?? []) {
      const { path } = await connection.state();
      if (path === undefined) {
        this.#paths.delete(connection);
      } else {
        this.#paths.set(connection, path);
      }
    }
    this.#changed();
  }

  #enable(tracks: MediaStreamTrack[], on: boolean): void {
    for (const track of tracks) {
      track.enabled = on;
    }
    // Away from the server, the next join carries it.
    this.#room?.update({ meta: this.#meta() }).catch(() => undefined);
    this.#changed();
  }

  #meta(): { microphone: boolean; camera: boolean } {
    return { microphone: this.#microphone, camera: this.#camera };
  }

  #end(error: KopruError | undefined): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.#error = error;
    clearInterval(this.#pathTimer);
    this.client.close();
    this.media.stop();
    this.#changed();
  }
}

/** As many as a mesh carries without wearing out an ordinary uplink. */
export const PEOPLE_MAX = 4;

const CHAT = "chat";
const ECHO = "echo";
const PATH_INTERVAL_MS = 1000;
const LINES_MAX = 200;
const LINE_CHARS_MAX = 2000;
