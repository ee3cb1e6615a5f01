// The first page: what is here already, and a list to tick off while building.
import { useState } from "react";
import { Link } from "react-router";

const STEPS = [
  { id: "headline", text: "Change this headline in src/App.tsx" },
  { id: "page", text: "Add a page in src/pages and its route in src/App.tsx" },
  { id: "data", text: "Copy src/lib/data/notes.ts for your own data" },
  { id: "backend", text: "Connect a back end, so that people can sign in" },
];

const PARTS = [
  { title: "Pages", text: "A router with a shared frame, a guarded page and a page for lost visitors.", to: "/account", link: "See the guarded page" },
  { title: "Sign-in", text: "Sign up, sign in and out, remembered in this browser, with errors one can act on.", to: "/sign-in", link: "See the form" },
  { title: "Data", text: "Typed collections with one small client. Notes show how it is used.", to: "/notes", link: "See the notes" },
];

export function HomePage({ headline }: { headline: string }) {
  return (
    <div className="grid gap-x-16 gap-y-14 lg:grid-cols-[1fr_22rem]">
      <div>
        <h1 className="max-w-[12ch] text-5xl leading-[1.05] font-semibold tracking-tight md:text-6xl">{headline}</h1>
        <p className="mt-6 max-w-md text-lg leading-8 text-muted">
          Pages, sign-in and data are in place, and small enough to read in one sitting.
        </p>
      </div>
      <Checklist />
      <ul className="grid gap-8 border-t border-line pt-10 md:grid-cols-3 lg:col-span-2">
        {PARTS.map((part) => (
          <li key={part.title}>
            <h2 className="text-lg font-semibold tracking-tight">{part.title}</h2>
            <p className="mt-1 leading-7 text-muted">{part.text}</p>
            <Link to={part.to} className="mt-2 inline-block font-medium text-accent underline underline-offset-4">
              {part.link}
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Checklist() {
  const [done, setDone] = useState<string[]>([]);
  const toggle = (id: string) =>
    setDone((ids) => (ids.includes(id) ? ids.filter((other) => other !== id) : [...ids, id]));

  return (
    <section aria-labelledby="steps" className="self-start rounded-2xl border border-line bg-panel p-6">
      <div className="flex items-baseline justify-between">
        <h2 id="steps" className="font-semibold">
          First steps
        </h2>
        <p className="text-sm text-muted tabular-nums">
          {done.length} of {STEPS.length}
        </p>
      </div>
      <ul className="mt-4 space-y-3">
        {STEPS.map((step) => (
          <li key={step.id}>
            <label className="flex cursor-pointer gap-3 leading-6">
              <input
                type="checkbox"
                checked={done.includes(step.id)}
                onChange={() => toggle(step.id)}
                className="mt-1 size-4 shrink-0 accent-accent"
              />
              <span className={done.includes(step.id) ? "text-muted line-through" : undefined}>{step.text}</span>
            </label>
          </li>
        ))}
      </ul>
    </section>
  );
}
