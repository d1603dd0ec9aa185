import { useEffect, useRef } from "react";
import type { IssuedKey } from "@/api/types";
import { Button } from "@/parts/Button";
import { CopyButton } from "@/parts/CopyButton";
import { Icon } from "@/parts/Icon";

/** The one time that a key can be read. */
export function IssuedCard({ issued, onClose }: { issued: IssuedKey; onClose: () => void }) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <section
      aria-label={`New key ${issued.label}`}
      className="grid gap-3 rounded-xl bg-warn-wash p-4 sm:p-5"
      ref={box}
      tabIndex={-1}
    >
      <p className="flex items-start gap-2.5 font-semibold text-warn">
        <span className="mt-0.5">
          <Icon name="alert" />
        </span>
        Copy the key of {issued.label} now. Nobody can show it again.
      </p>
      <p className="break-all rounded-lg border border-edge bg-paper px-3 py-2 font-mono text-sm">
        {issued.key}
      </p>
      <p className="flex flex-wrap gap-2">
        <CopyButton text={issued.key} what="key" />
        <Button onClick={onClose} size="small">
          I have kept it
        </Button>
      </p>
    </section>
  );
}
