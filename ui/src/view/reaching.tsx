import type { JSX } from "preact";
import type { Call } from "../model/call.js";
import { serverWords } from "../model/words.js";
import { Landscape, SpanGlyph } from "./bridge.js";
import { Header } from "./header.js";

/** Before the room is joined: the server is looked for. */
export function Reaching({ call, now }: { call: Call; now: number }): JSX.Element {
  const trouble = serverWords(call.server, now);
  return (
    <div class="lobby">
      <Landscape />
      <Header />
      <main class="reaching">
        <SpanGlyph span={trouble ? "broken" : "building"} />
        <div role="status">
          <h1>{trouble?.title ?? "Joining"}</h1>
          <p>{trouble?.text ?? `Room ${call.invitation.room}`}</p>
        </div>
        <div class="reaching-actions">
          {trouble && (
            <button type="button" class="small-button" onClick={() => call.client.reconnectNow()}>
              Try now
            </button>
          )}
          <button type="button" class="small-button" onClick={() => call.hangUp()}>
            Cancel
          </button>
        </div>
      </main>
    </div>
  );
}
