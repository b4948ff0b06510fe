/** Names of codecs, or of what else is spoken, by kind of media; the preferred ones first. */
export type Codecs = { [kind: string]: string[] };

/** What this environment can receive; nothing where it can't tell. */
export function codecs(): Codecs {
  if (typeof RTCRtpReceiver === "undefined") {
    return {};
  }
  const kinds = ["audio", "video"].map((kind) => [kind, namesOf(kind)] as const);
  return Object.fromEntries(kinds.filter(([, names]) => names.length > 0));
}

function namesOf(kind: string): string[] {
  const known = RTCRtpReceiver.getCapabilities?.(kind)?.codecs ?? [];
  const names = known.map(({ mimeType }) => mimeType.replace(/^.*\//, ""));
  return [...new Set(names)].filter((name) => !HELPERS.test(name)).slice(0, NAMES_MAX);
}

/** They repair or accompany what other codecs carry. */
const HELPERS = /^(rtx|red|ulpfec|flexfec.*|cn|telephone-event)$/i;
const NAMES_MAX = 32;
