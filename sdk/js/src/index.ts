/**
 * Client of the kopru signaling server: sessions that come back, rooms, perfect negotiation.
 *
 * @packageDocumentation
 */
export type { Call, CallEvents, CallOptions, CallProgress } from "./call.js";
export { Client } from "./client.js";
export type { ClientEvents, ClientOptions, ClientState } from "./client.js";
export type { Codecs } from "./codecs.js";
export type { Connection, ConnectionEvents, ConnectionState } from "./connection.js";
export type { Unsubscribe } from "./emitter.js";
export { KopruError } from "./errors.js";
export type { Member } from "./member.js";
export type { Path } from "./path.js";
export type { Fate } from "./receipts.js";
export type { Phase } from "./recovery.js";
export type { Room } from "./room.js";
export type { JoinOptions, RoomEvents, RoomStatus } from "./room-events.js";
export type * from "./protocol.js";
export type { TransportName } from "./transport.js";
