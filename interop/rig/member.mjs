// A member of a room that is a script. It says what an application says, and reports what its
// browser would report; what it asks of TURN it asks for real.

import { token } from './back_end.mjs';
import { ADDRESS } from './namespace.mjs';
import { SignalingClient } from './signaling_client.mjs';
import { TurnClient } from './turn_client.mjs';

/** What all scripts call their connection. */
const CONNECTION = 'main';

export class Member {
  /** Joins `room`; `media` is what it can. */
  static async join(t, kopru, { name, room, media }) {
    const member = new Member();
    member.client = await SignalingClient.open(kopru.url);
    t.after(() => member.client.close());
    member.turnPort = kopru.ports.turn;
    member.room = room;
    const welcome = await member.client.hello(await token(kopru, { subject: name, rooms: [room] }));
    member.credential = welcome.ice_servers.find(({ username }) => username);
    const join = { type: 'join', room, name, ...(media && { media }) };
    member.id = (await member.client.ask(join)).member;
    return member;
  }

  /** Expiry, in seconds since 1970, and id of the credential that it was given. */
  get expiryAndId() {
    return this.credential.username.split(/:(.*)/);
  }

  /** A TURN client with its credential, or with another one. */
  async turn(t, user = {}) {
    const { username, credential: password } = this.credential;
    const client = await TurnClient.open(this.turnPort, { username, password, ...user }, ADDRESS);
    t.after(async () => {
      if (client.relayed) await client.release();
      client.close();
    });
    return client;
  }

  /** Sends a description; without SDP, which nobody here reads. */
  async describe(to, type) {
    const description = { type, sdp: 'v=0\r\n' };
    return this.tell(to, { type: 'description', negotiation: 1, description });
  }

  /** Announces a candidate over UDP. `related` is its base. */
  async announce(to, type, [address, port], related) {
    const behind = related ? ` raddr ${related[0]} rport ${related[1]}` : '';
    const candidate = `candidate:1 1 udp 1 ${address} ${port} typ ${type}${behind}`;
    return this.tell(to, { type: 'candidate', candidate: { candidate, sdpMid: '0' } });
  }

  /** What its browser would say of the connection. */
  async report(to, state, more) {
    return this.tell(to, { type: 'report', state, ...more });
  }

  /** The story of the connection, as the server tells it to this member. */
  async why(to) {
    const { story } = await this.tell(to, { type: 'why' });
    return story;
  }

  async tell(to, message) {
    const { room } = this;
    const answer = await this.client.ask({ ...message, room, to: to.id, connection: CONNECTION });
    if (answer.type === 'error') throw new Error(`${message.type}: ${JSON.stringify(answer)}`);
    return answer;
  }
}
