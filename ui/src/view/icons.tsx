import type { JSX } from "preact";

const PATHS = {
  microphone:
    "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3ZM6 11a6 6 0 0 0 12 0M12 17" + "v4",
  camera:
    "M4 7h10a1.5 1.5 0 0 1 1.5 1.5v7A1.5 1.5 0 0 1 14 17H4a1.5 1.5 0 0 1-1.5-1.5v-7" +
    "A1.5 1.5 0 0 1 4 7Zm11.5 4 6-3.5v9l-6-3.5",
  chat:
    "M5 5h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-8l-4.5 3.5V17H5a2 2 0 0 1-2-2V7" + "a2 2 0 0 1 2-2Z",
  link:
    "M10 14a4 4 0 0 0 5.7 0l3.6-3.6a4 4 0 0 0-5.7-5.7L12.4 6M14 10a4 4 0 0 0-5.7 0" +
    "l-3.6 3.6a4 4 0 0 0 5.7 5.7l1.2-1.3",
  leave:
    "M3.5 14.5c5-4.6 12-4.6 17 0l-2.3 2.6-3.7-1.6-.5-2.6a11 11 0 0 0-4 0" + "l-.5 2.6-3.7 1.6Z",
  phone:
    "M6.5 3.5h3l1.4 4-1.9 1.5a11 11 0 0 0 6 6l1.5-1.9 4 1.4v3a2 2 0 0 1-2.2 2A16 16 0 0 1 4.5 5.7" +
    "a2 2 0 0 1 2-2.2Z",
  bell:
    "M6 16.5c1.3-1.2 1.6-2.8 1.6-6a4.4 4.4 0 0 1 8.8 0c0 3.2.3 4.8 1.6 6Z" +
    "M10.3 19.5a2 2 0 0 0 3.4 0M12 6V4.5",
  relay: "M4 17Q12 4 20 17M12 10.5V20M4 17v3M20 17v3",
  send: "M4 12h15M13 6l6 6-6 6",
  close: "M6 6l12 12M18 6 6 18",
  light:
    "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22" +
    "M5 5l1.7 1.7M17.3 17.3 19 19M19 5l-1.7 1.7M6.7 17.3 5 19",
  dark: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10Z",
} as const;

/** The name of an icon. */
export type IconName = keyof typeof PATHS;

/** A line icon; `off` strikes it through. */
export function Icon({ name, off = false }: { name: IconName; off?: boolean }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
      {off && <path class="icon-strike" d="M4 4l16 16" />}
    </svg>
  );
}
