import { memory } from "./memory.js";
import { someName, someRoom } from "./names.js";

/** What somebody brings along: by the link they followed, or from an earlier visit. */
export interface Invitation {
  room: string;
  name: string;
  /** The signaling token, where the server asks for one. */
  token: string | undefined;
  camera: boolean;
  relayOnly: boolean;
}

/**
 * Reads the fragment: `#room=lab&token=…&name=Ada&camera=off&relay=on`. A fragment is not sent to
 * the server, so a token in it stays out of logs.
 */
export function readInvitation(fragment: string): Invitation {
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  const token = fields.get("token") ?? memory.tab.read("token");
  if (token) {
    memory.tab.write("token", token);
  }
  return {
    room: fields.get("room") ?? memory.tab.read("room") ?? someRoom(),
    name: fields.get("name") ?? memory.lasting.read("name") ?? someName(),
    token: token || undefined,
    camera: (fields.get("camera") ?? memory.lasting.read("camera")) !== "off",
    relayOnly: fields.get("relay") === "on",
  };
}

/** Remembers the choices for a reload or the next visit. */
export function remember({ room, name, camera }: Invitation): void {
  memory.tab.write("room", room);
  memory.lasting.write("name", name);
  memory.lasting.write("camera", camera ? "on" : "off");
}

/** The link that brings others here. Without the token: that says who *this* person is. */
export function shareLink(page: string, room: string): string {
  const link = new URL(page);
  link.hash = new URLSearchParams({ room }).toString();
  return link.href;
}

/** Copies a text, also where the page is not on a secure address; `false` when nothing works. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** The way to copy before there was a clipboard interface; it needs no secure context. */
function copyBySelection(text: string): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "offscreen";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  return copied;
}
