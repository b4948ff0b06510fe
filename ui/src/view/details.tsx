import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import type { Connection, Path } from "kopru";
import type { Call, Peer } from "../model/call.js";
import { ECHO_BYTES, receivedVideo } from "../model/console.js";
import type { ReceivedVideo } from "../model/console.js";
import { milliseconds, predictionWords } from "../model/words.js";

interface DetailsProps {
  peer: Peer;
  connection: Connection;
  call: Call;
}

/** How packets to somebody travel, and a test of the data channel. */
export function Details({ peer, connection, call }: DetailsProps): JSX.Element {
  const video = useReceivedVideo(connection);
  const { prediction } = peer.member;
  const [echo, setEcho] = useState("");
  const test = async (): Promise<void> => {
    setEcho("Sending…");
    try {
      const ms = await call.echo(connection, ECHO_BYTES);
      setEcho(`30 kB there and back in ${milliseconds(ms)}`);
    } catch (error) {
      setEcho(`Did not work: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  return (
    <div class="details">
      <dl>
        <dt>Path</dt>
        <dd>{peer.path ? pathWords(peer.path) : "none yet"}</dd>
        {prediction && (
          <>
            <dt>Expected</dt>
            <dd>{predictionWords(prediction)}</dd>
          </>
        )}
        <dt>Round trip</dt>
        <dd>
          {peer.path?.rttMs === undefined ? "not measured yet" : milliseconds(peer.path.rttMs)}
        </dd>
        <dt>Picture</dt>
        <dd>
          {video && video.width > 0
            ? `${video.width} × ${video.height}, ${video.framesDecoded} frames`
            : "none yet"}
        </dd>
        <dt>Data</dt>
        <dd aria-live="polite">
          {echo || (
            <button type="button" class="small-button" onClick={() => void test()}>
              Send 30 kB there and back
            </button>
          )}
        </dd>
      </dl>
    </div>
  );
}

function pathWords({ local, remote, protocol, relayProtocol }: Path): string {
  const here =
    local === "relay" ? `your relay${relayProtocol ? ` (${relayProtocol})` : ""}` : "you";
  const there = remote === "relay" ? "their relay" : "them";
  return `${here} to ${there}, ${protocol.toUpperCase()}`;
}

function useReceivedVideo(connection: Connection): ReceivedVideo | undefined {
  const [video, setVideo] = useState<ReceivedVideo>();
  useEffect(() => {
    const read = async (): Promise<void> =>
      setVideo(receivedVideo(await connection.peer.getStats()));
    void read();
    const timer = setInterval(() => void read(), 1000);
    return () => clearInterval(timer);
  }, [connection]);
  return video;
}
