import { retry } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { KopruError } from "./errors.js";
import { NatFinder } from "./nat.js";
import { recallTransport, rememberTransport } from "./remembered.js";
import { Room } from "./room.js";
import type { JoinOptions } from "./room-events.js";
import { Session } from "./session.js";
import { Tokens } from "./token.js";
import type { TokenSource } from "./token.js";
import type { SessionEnd } from "./session.js";
import type { IceServers, JsonObject, OwnNat, RoomMessage, Welcome } from "./protocol.js";
import { TransportChoice, availableTransports } from "./transport.js";
import type { TransportName } from "./transport.js";
import { WayBack } from "./way-back.js";

/** How to reach the server. */
export interface ClientOptions {
  /**
   * The signaling token; a function is asked again for every connection, and before the token
   * ends. Not needed where the server is open (development mode).
   */
  token?: TokenSource;
  /** What this application can do, told to the server in `hello`. */
  capabilities?: JsonObject;
  /**
   * What may carry the session, the first choice first; whichever is there, unless this says
   * otherwise. The next one is tried when one can't be opened, or opens and carries nothing.
   */
  transports?: TransportName[];
}

/** Where a client stands. */
export type ClientState =
  | { status: "idle" }
  /** A connection is being opened; `attempt` counts from 1 since the last one that was open. */
  | { status: "connecting"; attempt: number }
  | { status: "open" }
  /** The last attempt failed or the connection was lost; the next attempt is at `retryAt` (ms). */
  | { status: "waiting"; attempt: number; retryAt: number; cause: KopruError }
  /** Closed by `close()`, or, with `error`, for a reason that trying again would not cure. */
  | { status: "closed"; error?: KopruError };

/** What a client tells. */
export interface ClientEvents {
  state: ClientState;
  /** A session is open: the first one, the same one on a new connection, or a new one. */
  welcome: Welcome;
}

/**
 * One application's way to a kopru server. Keeps a session open, takes it up again when the
 * connection is lost, joins its rooms again where the server has no such session any more, and
 * keeps the ICE servers fresh.
 */
export class Client extends Emitter<ClientEvents> {
  readonly #url: string;
  readonly #options: ClientOptions;
  readonly #rooms = new Set<Room>();
  readonly #tokens: Tokens;
  #state: ClientState = { status: "idle" };
  #session: Session | undefined;
  /** The one before, whose connection is lost. */
  #former: Session | undefined;
  #choice = new TransportChoice([]);
  #wayBack: WayBack | undefined;
  /** When an attempt was last given up before `welcome`. */
  #gaveUpAt = -Infinity;
  #transport: TransportName | undefined;
  #welcome: Welcome | undefined;
  #iceServers: RTCIceServer[] = [];
  #iceTransportPolicy: RTCIceTransportPolicy = "all";
  readonly #nat: NatFinder;
  #natUrls: readonly string[] = [];
  /** Attempts since a session was last open, the one under way included. */
  #attempt = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  /** `url`: the signaling address, `wss://host/v1/ws`, or relative to the page. */
  constructor(url: string, options: ClientOptions = {}) {
    super();
    this.#url = socketUrl(url);
    this.#options = options;
    this.#tokens = new Tokens(options.token, () => this.refreshToken());
    this.#nat = new NatFinder({ urls: () => this.#natUrls, found: () => this.#tellNat() });
  }

  /** Where this client stands now. */
  get state(): ClientState {
    return this.#state;
  }

  /** Who the server takes this client for; `undefined` before the first session. */
  get identity(): string | undefined {
    return this.#welcome?.identity;
  }

  /** What carries the session; `undefined` while none is open. */
  get transport(): TransportName | undefined {
    return this.#session?.isOpen ? this.#transport : undefined;
  }

  /** The newest ICE servers and the policy the server asks for. */
  get iceConfiguration(): RTCConfiguration {
    return { iceServers: this.#iceServers, iceTransportPolicy: this.#iceTransportPolicy };
  }

  /**
   * How the NAT behaves that this device is behind; `undefined` until it is known. It is found out
   * when a room is joined in which connections may go without a relay.
   */
  get nat(): OwnNat | undefined {
    return this.#nat.nat;
  }

  /**
   * Opens a session, trying until it succeeds; the `state` events tell how it goes.
   *
   * @throws KopruError when trying again is of no use (`unauthorized`, …) or after `close()`
   */
  connect(): Promise<void> {
    if (this.#state.status === "idle" || this.#state.status === "closed") {
      const wanted = this.#options.transports;
      const all = availableTransports().filter((name) => wanted?.includes(name) ?? true);
      if (all.length === 0) {
        const words = "this environment has neither WebSocket nor fetch";
        return Promise.reject(new KopruError("not_supported", words));
      }
      const names = wanted?.filter((name) => all.includes(name)) ?? all;
      this.#choice = new TransportChoice(names, recallTransport(this.#url));
      this.#wayBack = new WayBack({
        url: this.#url,
        choice: this.#choice,
        found: (name) => this.#moveTo(name),
      });
      this.#attempt = 0;
      this.#watchNetwork(true);
      void this.#open();
    }
    return this.#whenOpen();
  }

  /**
   * Joins a room, and connects to everybody there unless `connect` is `false`.
   *
   * @throws KopruError with the server's code: `room_full`, `room_not_allowed`, `bad_field`, …
   */
  async join(name: string, options: JoinOptions = {}): Promise<Room> {
    await this.connect();
    const room = new Room(name, options, {
      request: (type, fields) => this.#request(type, fields),
      receipt: (type, fields) => this.#receipt(type, fields),
      isOnline: () => this.#session?.isOpen ?? false,
      iceConfiguration: () => this.iceConfiguration,
      nat: () => {
        this.#nat.want();
        return this.#nat.nat;
      },
      resync: () => this.#session?.fail("a gap in the versions of a room"),
      forget: () => this.#rooms.delete(room),
    });
    this.#rooms.add(room);
    await room.enter();
    return room;
  }

  /** Asks for fresh ICE servers, for instance after the device slept. */
  async refreshIceServers(): Promise<void> {
    await this.#request("ice_servers", {});
  }

  /**
   * Puts a fresh token in place of the former one. Happens by itself in good time where `token` is
   * a function.
   *
   * @throws KopruError when there is no token, or the server refuses it; then the former one stays
   */
  async refreshToken(): Promise<void> {
    const token = await this.#tokens.next();
    if (token === undefined) {
      throw new KopruError("token", "there is no token to show");
    }
    const { token_ttl_s } = await this.#request("token", { token });
    this.#tokens.schedule(token_ttl_s);
  }

  /** Tries at once instead of waiting; an open connection must show that it lives. */
  reconnectNow(): void {
    if (this.#state.status === "waiting") {
      void this.#open();
    } else {
      this.#session?.probe(PROBE_TIMEOUT_MS);
    }
  }

  /** Leaves all rooms and ends the session. */
  close(): void {
    for (const room of this.#rooms) {
      room.leave();
    }
    this.#finish();
  }

  readonly #request: Session["request"] = (type, fields) =>
    this.#spokenTo?.request(type, fields) ?? Promise.reject(offline());

  readonly #receipt: Session["receipt"] = (type, fields) =>
    this.#spokenTo?.receipt(type, fields) ?? Promise.reject(offline());

  /** The session that is open, or one that is lost and may be taken up. */
  get #spokenTo(): Session | undefined {
    return this.#session?.isOpen ? this.#session : this.#former;
  }

  async #open(): Promise<void> {
    clearTimeout(this.#retryTimer);
    this.#attempt += 1;
    this.#setState({ status: "connecting", attempt: this.#attempt });
    let token: string | undefined;
    try {
      token = await this.#tokens.next();
    } catch (error) {
      return this.#retryLater({ code: 0, error: new KopruError("token", String(error)) });
    }
    if (this.#state.status !== "connecting") {
      return;
    }
    const capabilities = { ...CAPABILITIES, ...this.#options.capabilities };
    const former = this.#former;
    const transport = this.#choice.next ?? "websocket";
    const { patienceMs } = this.#choice;
    const url = this.#url;
    const session = new Session({ url, transport, token, former, capabilities, patienceMs });
    this.#session = session;
    this.#transport = transport;
    session.on("welcome", (welcome) => {
      this.#choice.worked(transport);
      rememberTransport(url, transport);
      this.#wayBack?.begin();
      this.#opened(welcome);
    });
    session.on("message", (message) => this.#receive(message));
    session.on("end", (end) => this.#ended(session, end));
  }

  #opened(welcome: Welcome): void {
    this.#welcome = welcome;
    if (this.#former !== undefined) {
      // Connections are lost when the network changes.
      this.#nat.networkChanged();
    }
    this.#former = undefined;
    this.#takeIceServers(welcome);
    this.#tokens.schedule(welcome.token_ttl_s);
    this.#attempt = 0;
    this.#setState({ status: "open" });
    this.emit("welcome", welcome);
    for (const room of this.#rooms) {
      if (welcome.resumed) {
        room.sessionResumed();
      } else {
        room.sessionReplaced();
      }
    }
    this.#tellNat();
  }

  #receive(message: RoomMessage | IceServers): void {
    if (message.type === "ice_servers") {
      this.#takeIceServers(message);
      return this.#tellNat();
    }
    for (const room of this.#rooms) {
      if (room.name === message.room) {
        room.receive(message);
      }
    }
  }

  #takeIceServers(told: IceServers | Welcome): void {
    this.#iceServers = told.ice_servers;
    this.#iceTransportPolicy = told.ice_transport_policy ?? this.#iceTransportPolicy;
    this.#natUrls = told.nat_probe?.urls ?? [];
  }

  #tellNat(): void {
    for (const room of this.#rooms) {
      room.tellNat();
    }
  }

  /** Takes the session there; what is said meanwhile on either side is kept. */
  #moveTo(transport: TransportName): void {
    this.#choice.found(transport);
    this.#session?.giveUp();
    this.reconnectNow();
  }

  #ended(session: Session, end: SessionEnd): void {
    this.#session = undefined;
    this.#wayBack?.rest();
    this.#tokens.rest();
    if (!session.isLost && end.code === CLOSE_LOST) {
      this.#choice.failed();
      this.#gaveUpAt = Date.now();
    }
    if (session.isLost) {
      this.#former = session;
      for (const room of this.#rooms) {
        room.sessionLost();
      }
    }
    if (this.#state.status !== "closed") {
      const isOwn = Date.now() - this.#gaveUpAt < GIVEN_UP_LIVES_MS;
      this.#retryLater(end.code === CLOSE_REPLACED && isOwn ? { code: CLOSE_LOST } : end);
    }
  }

  #retryLater({ code, error, retryAfterMs }: SessionEnd): void {
    const failures = Math.max(0, this.#attempt - 1);
    const decision = retry(code, failures, Math.random(), retryAfterMs);
    const cause = error ?? new KopruError("disconnected", endWords(code));
    if (!decision.again) {
      return this.#finish(cause);
    }
    const { pauseMs } = decision;
    const retryAt = Date.now() + pauseMs;
    this.#setState({ status: "waiting", attempt: this.#attempt, retryAt, cause });
    this.#retryTimer = setTimeout(() => void this.#open(), pauseMs);
  }

  #finish(error?: KopruError): void {
    clearTimeout(this.#retryTimer);
    this.#tokens.rest();
    this.#wayBack?.rest();
    this.#watchNetwork(false);
    this.#setState(error === undefined ? { status: "closed" } : { status: "closed", error });
    this.#session?.close();
    this.#former?.abandon();
    this.#session = this.#former = undefined;
    for (const room of [...this.#rooms]) {
      room.sessionClosed(error);
    }
  }

  #setState(state: ClientState): void {
    this.#state = state;
    this.emit("state", state);
  }

  #whenOpen(): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (state: ClientState): boolean => {
        if (state.status === "open") {
          resolve();
        } else if (state.status === "closed") {
          reject(state.error ?? new KopruError("closed", "the client was closed"));
        }
        return state.status === "open" || state.status === "closed";
      };
      if (!check(this.#state)) {
        const unsubscribe = this.on("state", (state) => check(state) && unsubscribe());
      }
    });
  }

  /** A network that came back, or a device that woke up, is noticed here before any timer. */
  #watchNetwork(watch: boolean): void {
    if (typeof globalThis.addEventListener !== "function") {
      return;
    }
    for (const event of ["online", "pageshow"]) {
      globalThis.removeEventListener(event, this.#onNetwork);
      if (watch) {
        globalThis.addEventListener(event, this.#onNetwork);
      }
    }
  }

  readonly #onNetwork = ({ type }: Event): void => {
    this.reconnectNow();
    if (type === "online") {
      this.#nat.networkChanged();
      this.#tellNat();
    }
  };
}

/** A WebSocket URL from any URL, also one that is relative to the page. */
function socketUrl(url: string): string {
  const base = typeof document === "undefined" ? undefined : document.baseURI;
  const absolute = new URL(url, base);
  absolute.protocol = absolute.protocol.replace(/^http/, "ws");
  absolute.hash = "";
  return absolute.href;
}

function offline(): KopruError {
  return new KopruError("disconnected", "not connected to the server");
}

function endWords(code: number): string {
  return code === CLOSE_LOST
    ? "the server cannot be reached, or the connection to it was lost"
    : `the server closed the connection (${code})`;
}

const CAPABILITIES: JsonObject = { rollback: true, ice_restart: true };
const PROBE_TIMEOUT_MS = 5000;
/** No word from the server, not even why. */
const CLOSE_LOST = 1006;
const CLOSE_REPLACED = 4409;
/** How long an attempt that was given up may still reach the server, and take the session. */
const GIVEN_UP_LIVES_MS = 30_000;
