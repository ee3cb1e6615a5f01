// Short answers one can tap instead of typing.
const REPLIES = ["Make it quicker", "Without meat", "Write me a shopping list", "Something else"];

export function QuickReplies({ onPick }: { onPick: (reply: string) => void }) {
  return (
    <section aria-label="Quick replies" className="shrink-0">
      <ul className="flex gap-2 overflow-x-auto px-4 pt-3 pb-1 sm:flex-wrap sm:px-6">
        {REPLIES.map((reply) => (
          <li key={reply}>
            <button
              type="button"
              onClick={() => onPick(reply)}
              className="rounded-full border-2 border-line bg-bubble px-4 py-2 font-bold whitespace-nowrap hover:border-accent"
            >
              {reply}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
