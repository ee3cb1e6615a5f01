// The journal's name, today's date and, beside them, what the page needs.
import type { ReactNode } from "react";

interface MastheadProps {
  name: string;
  onFrontPage: () => void;
  children: ReactNode;
}

const today = new Intl.DateTimeFormat("en-GB", { dateStyle: "long" });

export function Masthead({ name, onFrontPage, children }: MastheadProps) {
  return (
    <header className="flex items-baseline justify-between gap-6 border-b border-line pt-7 pb-3">
      <button type="button" onClick={onFrontPage} className="text-xl font-[560] tracking-tight">
        {name}
      </button>
      <div className="flex items-baseline gap-6 text-muted">
        <time className="hidden italic sm:block">{today.format(new Date())}</time>
        {children}
      </div>
    </header>
  );
}
