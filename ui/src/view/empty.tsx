import type { JSX } from "preact";
import { shareLink } from "../model/invitation.js";
import { Waiting } from "./bridge.js";
import { CopyButton } from "./copy-button.js";

/** Nobody else is there yet: the link that brings them. */
export function Empty({ room, token }: { room: string; token: boolean }): JSX.Element {
  const link = shareLink(location.href, room);
  return (
    <section class="empty">
      <Waiting />
      <h2>Waiting for the other side</h2>
      {token ? (
        <p>This server asks everybody for an invitation of their own to the room “{room}”.</p>
      ) : (
        <p>Send this link to whoever should meet you here.</p>
      )}
      <div class="share">
        <input
          class="share-link"
          value={link}
          readOnly
          aria-label="Link to this room"
          onFocus={({ currentTarget }) => currentTarget.select()}
        />
        <CopyButton text={link} class="primary-button">
          Copy link
        </CopyButton>
      </div>
    </section>
  );
}
