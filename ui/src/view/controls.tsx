import type { JSX } from "preact";
import { shareLink } from "../model/invitation.js";
import type { Call } from "../model/call.js";
import { CopyButton } from "./copy-button.js";
import { Icon } from "./icons.js";
import type { IconName } from "./icons.js";

interface ControlsProps {
  call: Call;
  chatOpen: boolean;
  unread: number;
  onChat: () => void;
}

/** What one can do in a call. */
export function Controls({ call, chatOpen, unread, onChat }: ControlsProps): JSX.Element {
  const forced = call.client.iceConfiguration.iceTransportPolicy === "relay";
  return (
    <nav class="controls" aria-label="Call">
      <Control
        icon="microphone"
        label={call.microphone ? "Mute" : "Unmute"}
        off={!call.microphone}
        onClick={() => call.setMicrophone(!call.microphone)}
      />
      <Control
        icon="camera"
        label={call.camera ? "Picture off" : "Picture on"}
        off={!call.camera}
        onClick={() => call.setCamera(!call.camera)}
      />
      <Control
        icon="relay"
        label={forced ? "Relay (required)" : "Relay only"}
        pressed={call.relayOnly}
        disabled={forced}
        onClick={() => call.setRelayOnly(!call.relayOnly)}
      />
      {call.ringing && call.peers.length > 1 && (
        <Control
          icon="bell"
          label="Ring all"
          disabled={call.ringing.isTaken}
          onClick={() => void call.ringing?.ring()}
        />
      )}
      <Control
        icon="chat"
        label="Chat"
        pressed={chatOpen}
        count={chatOpen ? 0 : unread}
        onClick={onChat}
      />
      <CopyButton text={shareLink(location.href, call.room?.name ?? "")} class="control">
        <Icon name="link" />
        <span class="control-label">Copy link</span>
      </CopyButton>
      <button type="button" class="control control-leave" onClick={() => call.hangUp()}>
        <Icon name="leave" />
        <span class="control-label">Leave</span>
      </button>
    </nav>
  );
}

interface ControlProps {
  icon: IconName;
  label: string;
  onClick: () => void;
  /** The icon is struck through. */
  off?: boolean;
  /** A switch that is on. */
  pressed?: boolean;
  disabled?: boolean;
  /** A number that asks for attention. */
  count?: number;
}

function Control(props: ControlProps): JSX.Element {
  const { icon, label, onClick, off = false, pressed, disabled = false, count = 0 } = props;
  return (
    <button
      type="button"
      class={`control ${off ? "control-off" : ""}`}
      onClick={onClick}
      disabled={disabled}
      {...(pressed === undefined ? {} : { "aria-pressed": pressed })}
    >
      <Icon name={icon} off={off} />
      <span class="control-label">{label}</span>
      {count > 0 && (
        <span class="control-count" role="status" aria-label={`${count} unread`}>
          {count}
        </span>
      )}
    </button>
  );
}
