import { useId } from "react";
import { sentenceCase } from "@/format/words";
import { Icon, type IconName } from "@/parts/Icon";
import { THEMES, type Theme, useTheme } from "./theme";

const ICONS: Record<Theme, IconName> = { system: "system", light: "sun", dark: "moon" };

export function ThemeToggle() {
  const [theme, choose] = useTheme();
  const group = useId();
  return (
    <fieldset className="inline-flex rounded-lg border border-line bg-sunken p-0.5">
      <legend className="sr-only">Theme</legend>
      {THEMES.map((option) => (
        <label
          className="flex size-8 items-center justify-center rounded-md text-ink-soft hover:text-ink has-checked:bg-surface has-checked:text-ink has-checked:shadow-sm has-focus-visible:outline-2 has-focus-visible:outline-accent"
          key={option}
          title={sentenceCase(option)}
        >
          <input
            checked={theme === option}
            className="sr-only"
            name={group}
            onChange={() => choose(option)}
            type="radio"
          />
          <Icon name={ICONS[option]} size={16} />
          <span className="sr-only">{sentenceCase(option)}</span>
        </label>
      ))}
    </fieldset>
  );
}
