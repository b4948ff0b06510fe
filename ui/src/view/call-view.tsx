import { useEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import type { Call } from "../model/call.js";
import { serverWords } from "../model/words.js";
import { Cards } from "./cards.js";
import { Chat } from "./chat.js";
import { Controls } from "./controls.js";
import { Empty } from "./empty.js";
import { Header } from "./header.js";
import { NoticeCard } from "./notice.js";
import { PeerTile } from "./peer-tile.js";
import { Reaching } from "./reaching.js";
import { Video } from "./video.js";
import { questionAbout, Why } from "./why.js";
import type { Question } from "./why.js";

/** The running call. */
export function CallView({ call }: { call: Call }): JSX.Element {
  const [chatOpen, setChatOpen] = useState(false);
  const [question, setQuestion] = useState<Question>();
  const seen = useRef(0);
  const now = useSeconds();
  if (call.status === "reaching") {
    return <Reaching call={call} now={now} />;
  }
  if (chatOpen) {
    seen.current = call.lines.length;
  }
  const { peers } = call;
  return (
    <div class={`call ${chatOpen ? "call-with-chat" : ""}`}>
      <Header>
        <h1 class="room-name">{call.room?.name}</h1>
        <span class="room-count">{peopleWords(peers.length)}</span>
      </Header>
      {call.status === "away" && <Away call={call} now={now} />}
      <main class={`stage stage-${peers.length}`}>
        <Cards call={call} onWhy={(member) => setQuestion(questionAbout(member))} />
        {peers.length === 0 ? (
          <Empty room={call.room?.name ?? ""} token={call.invitation.token !== undefined} />
        ) : (
          <div class={`tiles tiles-${Math.min(peers.length, 4)}`}>
            {peers.map((peer) => (
              <PeerTile
                key={peer.member.id}
                peer={peer}
                call={call}
                onWhy={() => setQuestion(questionAbout(peer.member))}
              />
            ))}
          </div>
        )}
        <figure class="self">
          <Video
            stream={call.media.stream}
            muted
            mirrored={call.media.camera}
            label="Your own picture"
          />
          <figcaption>{call.camera ? "You" : "You, picture off"}</figcaption>
        </figure>
      </main>
      {chatOpen && <Chat call={call} onClose={() => setChatOpen(false)} />}
      {question && <Why call={call} question={question} onClose={() => setQuestion(undefined)} />}
      <Controls
        call={call}
        chatOpen={chatOpen}
        unread={call.lines.length - seen.current}
        onChat={() => setChatOpen(!chatOpen)}
      />
    </div>
  );
}

/** The server is lost for the moment. */
function Away({ call, now }: { call: Call; now: number }): JSX.Element {
  const lost = serverWords(call.server, now);
  return (
    <NoticeCard
      tone="calm"
      notice={lost ?? { title: "Coming back", text: "Joining the room again." }}
    >
      <span class="notice-aside">Pictures and sound go on where they can.</span>
      <button type="button" class="small-button" onClick={() => call.client.reconnectNow()}>
        Try now
      </button>
    </NoticeCard>
  );
}

function peopleWords(others: number): string {
  return others === 0 ? "only you" : `${others + 1} people`;
}

/** The time in milliseconds, new every second: for words that count down. */
function useSeconds(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
