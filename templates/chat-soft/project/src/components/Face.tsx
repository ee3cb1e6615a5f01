// The companion's face. Decoration: its name always stands beside it.
export function Face({ className }: { className: string }) {
  return (
    <svg viewBox="0 0 44 44" aria-hidden="true" className={`shrink-0 ${className}`}>
      <circle cx="22" cy="22" r="22" fill="var(--accent)" />
      <g fill="none" stroke="var(--on-accent)" strokeWidth="2.6" strokeLinecap="round">
        <path d="M14.5 18.5v2M29.5 18.5v2M14 27c3 4.6 13 4.6 16 0" />
      </g>
    </svg>
  );
}
