import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { memory } from "../model/memory.js";
import { Icon } from "./icons.js";

/** Switches between light and dark; at first it is as the system says. */
export function ThemeSwitch(): JSX.Element {
  const [dark, setDark] = useState(() => {
    const chosen = memory.lasting.read("theme");
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  });
  useEffect(() => {
    document.documentElement.dataset["theme"] = dark ? "dark" : "light";
  }, [dark]);
  const change = (): void => {
    memory.lasting.write("theme", dark ? "light" : "dark");
    setDark(!dark);
  };
  const label = dark ? "Light colours" : "Dark colours";
  return (
    <button type="button" class="quiet-button" onClick={change} aria-label={label} title={label}>
      <Icon name={dark ? "light" : "dark"} />
    </button>
  );
}
