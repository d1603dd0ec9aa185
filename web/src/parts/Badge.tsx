import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon";

export type Tone = "good" | "warn" | "bad" | "neutral";

const LOOK: Record<Tone, { box: string; icon: IconName }> = {
  good: { box: "bg-good-wash text-good", icon: "check" },
  warn: { box: "bg-warn-wash text-warn", icon: "alert" },
  bad: { box: "bg-bad-wash text-bad", icon: "cross" },
  neutral: { box: "bg-sunken text-ink-soft", icon: "minus" },
};

/** A verdict in a word; the sign before it says the same without colour. */
export function Badge({
  tone,
  children,
  title,
}: {
  tone: Tone;
  children: ReactNode;
  title?: string | undefined;
}) {
  return (
    <span
      className={`inline-flex items-center gap-1 rounded-full px-2 py-0.5 font-medium text-xs ${LOOK[tone].box}`}
      title={title}
    >
      <Icon name={LOOK[tone].icon} size={13} />
      <span>{children}</span>
    </span>
  );
}

/** A fact in a word: a stage, a model, a kind. */
export function Tag({ children }: { children: ReactNode }) {
  return (
    <span className="inline-flex items-center rounded-md border border-line bg-sunken px-1.5 py-0.5 text-ink-soft text-xs">
      {children}
    </span>
  );
}
