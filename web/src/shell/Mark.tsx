/** The footbridge. The same drawing as public/favicon.svg. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg aria-hidden="true" className="shrink-0" height={size} viewBox="0 0 32 32" width={size}>
      <rect fill="#0b5f58" height="32" rx="7" width="32" />
      <g fill="none" strokeLinecap="round">
        <path d="M4.2 14.3v9M12.1 9v9M19.9 9v9M27.8 14.3v9" stroke="#fff" strokeWidth="1.9" />
        <path d="M4.2 14.3C10.6 6.6 21.4 6.6 27.8 14.3" stroke="#f2c14e" strokeWidth="2.6" />
        <path d="M4.2 23.6C10.6 15.9 21.4 15.9 27.8 23.6" stroke="#fff" strokeWidth="3.4" />
      </g>
    </svg>
  );
}
