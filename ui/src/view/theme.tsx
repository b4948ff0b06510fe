import { useLayoutEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { memory } from "../model/memory.js";
import { Icon } from "./icons.js";

/** Switches between light and dark; at first it is as the system says. */
export function ThemeSwitch(): JSX.Element {
  const [chosen, setChosen] = useState(() => memory.lasting.read("theme"));
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  useLayoutEffect(() => {
    if (chosen) {
      document.documentElement.dataset["theme"] = chosen;
    }
  }, [chosen]);
  const change = (): void => {
    const choice = dark ? "light" : "dark";
    memory.lasting.write("theme", choice);
    setChosen(choice);
  };
  const label = dark ? "Light colours" : "Dark colours";
  return (
    <button type="button" class="quiet-button" onClick={change} aria-label={label} title={label}>
      <Icon name={dark ? "light" : "dark"} />
    </button>
  );
}
