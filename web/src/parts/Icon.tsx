const PATHS = {
  check: "M4 10.5l4 4 8-9",
  cross: "M5 5l10 10M15 5L5 15",
  alert: "M10 4.2v7.3M10 15.3v.2",
  minus: "M5 10h10",
  send: "M4 10h11M10.5 5l5 5-5 5",
  stop: "M6 6h8v8H6z",
  flag: "M5 17.5V3.5h9.5l-2 3.5 2 3.5H5",
  copy: "M7.5 7.5h9v9h-9zM12.5 7.5v-4h-9v9h4",
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  sun: "M10 6.5a3.5 3.5 0 100 7 3.5 3.5 0 000-7M10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M15.7 4.3l-1.1 1.1M5.4 14.6l-1.1 1.1",
  moon: "M16.5 11.6A7 7 0 018.4 3.5a7 7 0 108.1 8.1z",
  system: "M3 4h14v9H3zM7 17h6M10 13v4",
  chat: "M3 4h14v9.5H9L5.5 17v-3.5H3z",
  list: "M3 5h.1M7 5h10M3 10h.1M7 10h10M3 15h.1M7 15h10",
  chain:
    "M8.2 11.8l3.6-3.6M9 6.2l2-2a3.2 3.2 0 014.6 4.6l-2 2M11 13.8l-2 2a3.2 3.2 0 01-4.6-4.6l2-2",
  book: "M10 5.5C8 4 5.5 3.8 3 4.200v11.300c2.5-.4 5-.2 7 1.3 2-1.5 4.5-1.7 7-1.300V4.200c-2.5-.4-5-.2-7 1.300zM10 5.500v11.3",
  target: "M10 3a7 7 0 100 14 7 7 0 000-14M10 7a3 3 0 100 6 3 3 0 000-6M10 10h.1",
  coin: "M10 3a7 7 0 100 14 7 7 0 000-14M12.200 7.800c-.5-.7-1.300-1-2.200-1-1.300 0-2.200.6-2.200 1.600 0 2.200 4.500 1.100 4.500 3.300 0 1-1 1.600-2.300 1.600-1 0-1.900-.4-2.300-1.100M10 5.500v9",
  gate: "M3 17h14M4.500 17V8.500a5.500 5.500 0 0111 0V17M10 17v-4.500M7.500 10.500l2 2 3.500-4",
  route:
    "M4 15.500h4.500a3 3 0 003-3v-5a3 3 0 013-3H17M14.500 2l2.500 2.500L14.500 7M4 15.500a1.200 1.200 0 10.1 0",
  key: "M12.500 3.500a4 4 0 11-2.800 6.800L4 16v-2.500h2V11.500h2l1.500-1.300a4 4 0 013-6.700zM13.500 6.500h.1",
  out: "M8 3.500H3.500v13H8M12.5 6.500l3.5 3.5-3.5 3.500M16 10H7.5",
  down: "M5 8l5 5 5-5",
  back: "M12 5l-5 5 5 5",
  eye: "M2 10s3-5.5 8-5.500S18 10 18 10s-3 5.5-8 5.500S2 10 2 10zM10 7.700a2.3 2.3 0 100 4.6 2.3 2.3 0 000-4.6",
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration only: what it means stands beside it, or in the label of its button. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      aria-hidden="true"
      className="shrink-0"
      fill="none"
      height={size}
      stroke="currentColor"
      strokeLinecap="round"
      strokeLinejoin="round"
      strokeWidth={1.7}
      viewBox="0 0 20 20"
      width={size}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
