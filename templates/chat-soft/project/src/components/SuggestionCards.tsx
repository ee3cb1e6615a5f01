// Three ways to begin, as large targets for a thumb.
const SUGGESTIONS = [
  {
    title: "Empty the fridge",
    question: "I have carrots, half a cabbage and two eggs. What can I make?",
    colour: "bg-mint",
    drawing: "M24 8c-2 5-7 8-7 17a7 11 0 0 0 14 0c0-9-5-12-7-17zM24 8c0-3 2-5 5-5M24 8c0-3-2-5-5-5M20 24h4M25 30h3",
  },
  {
    title: "Twenty minutes",
    question: "Something warm in twenty minutes, please.",
    colour: "bg-peach",
    drawing: "M24 40a15 15 0 1 0 0-30 15 15 0 0 0 0 30zM24 17v8l5 4M20 5h8",
  },
  {
    title: "Guests are coming",
    question: "Friends come for dinner and one of them eats no dairy. What is easy and festive?",
    colour: "bg-sky",
    drawing: "M7 24h34a17 15 0 0 1-34 0zM17 17c0-4 4-4 4-8M26 17c0-4 4-4 4-8",
  },
];

export function SuggestionCards({ onPick }: { onPick: (question: string) => void }) {
  return (
    <ul className="grid gap-3">
      {SUGGESTIONS.map(({ title, question, colour, drawing }) => (
        <li key={title}>
          <button
            type="button"
            onClick={() => onPick(question)}
            className={`flex w-full items-center gap-4 rounded-3xl p-4 text-left transition-transform hover:-translate-y-0.5 ${colour}`}
          >
            <svg
              viewBox="0 0 48 48"
              aria-hidden="true"
              className="size-12 shrink-0"
              fill="none"
              stroke="currentColor"
              strokeWidth="2"
              strokeLinecap="round"
              strokeLinejoin="round"
            >
              <path d={drawing} />
            </svg>
            <span>
              <span className="block text-lg font-extrabold">{title}</span>
              <span className="block leading-snug">{question}</span>
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
