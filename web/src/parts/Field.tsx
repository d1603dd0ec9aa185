import type { ComponentProps, ReactNode } from "react";

const BOX = "rounded-lg border border-edge bg-paper px-3 py-2 font-normal text-sm";

/** A text of several lines with its name and what it is for. */
export function TextArea({
  label,
  about,
  ...rest
}: { label: string; about?: ReactNode } & ComponentProps<"textarea">) {
  return (
    <label className="grid gap-1.5 font-medium text-sm">
      {label}
      {about && <span className="font-normal text-ink-soft text-xs">{about}</span>}
      <textarea className={`min-h-20 ${BOX}`} {...rest} />
    </label>
  );
}

export function Input({
  label,
  about,
  ...rest
}: { label: string; about?: ReactNode } & ComponentProps<"input">) {
  return (
    <label className="grid content-start gap-1.5 font-medium text-sm">
      {label}
      <input className={`min-h-10 min-w-0 ${BOX}`} {...rest} />
      {about && <span className="font-normal text-ink-soft text-xs">{about}</span>}
    </label>
  );
}
