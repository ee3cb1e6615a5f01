// The empty conversation: what this app is good for, in three questions one can start from.
const STARTERS = [
  { topic: "Plan", question: "What should the first week of a new colleague look like?" },
  { topic: "Compare", question: "How do our refund rules differ between Germany and the UK?" },
  { topic: "Summarise", question: "Sum up what changed in the security policy this year." },
];

interface WelcomeProps {
  greeting: string;
  onPick: (question: string) => void;
  onShowSample: () => void;
}

export function Welcome({ greeting, onPick, onShowSample }: WelcomeProps) {
  return (
    <div className="mx-auto flex min-h-full max-w-3xl flex-col justify-center px-5 py-12 md:px-10">
      <h1 className="text-3xl font-semibold tracking-tight text-balance md:text-4xl">{greeting}</h1>
      <p className="mt-3 max-w-xl leading-7 text-muted">
        Ask in your own words. Every answer shows how it was reached and where it comes from.
      </p>
      <ul className="mt-10 grid gap-3 sm:grid-cols-3">
        {STARTERS.map(({ topic, question }) => (
          <li key={topic}>
            <button
              type="button"
              onClick={() => onPick(question)}
              className="flex h-full w-full flex-col gap-2 rounded-xl border border-line p-4 text-left transition-colors hover:border-accent"
            >
              <span className="text-sm font-medium text-accent">{topic}</span>
              <span className="text-[0.925rem] leading-6">{question}</span>
            </button>
          </li>
        ))}
      </ul>
      <button
        type="button"
        onClick={onShowSample}
        className="mt-6 self-start text-sm text-muted underline underline-offset-4 hover:text-ink"
      >
        Look at a sample conversation
      </button>
    </div>
  );
}
