import type { ComponentProps } from "react";

const LOOK = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong border border-transparent",
  plain: "border border-edge bg-surface text-ink hover:bg-sunken",
  quiet: "border border-transparent text-ink-soft hover:bg-sunken hover:text-ink",
};
const SIZE = {
  medium: "min-h-10 px-3.5 text-sm",
  small: "min-h-8 px-2.5 text-sm",
  square: "size-9 justify-center",
};

interface Look {
  look?: keyof typeof LOOK;
  size?: keyof typeof SIZE;
}

export function Button({
  look = "plain",
  size = "medium",
  type = "button",
  className = "",
  ...rest
}: ComponentProps<"button"> & Look) {
  return (
    <button
      className={`inline-flex items-center gap-1.5 rounded-lg font-medium transition-colors disabled:cursor-not-allowed disabled:opacity-55 ${LOOK[look]} ${SIZE[size]} ${className}`}
      type={type}
      {...rest}
    />
  );
}
