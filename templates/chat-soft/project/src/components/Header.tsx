// Who is talking, and for how many people we cook.
import { Face } from "./Face";

const MAX_SERVINGS = 12;

interface HeaderProps {
  name: string;
  servings: number;
  onServingsChange: (servings: number) => void;
  /** Null while there is nothing to start over from. */
  onStartOver: (() => void) | null;
}

export function Header({ name, servings, onServingsChange, onStartOver }: HeaderProps) {
  return (
    <header className="flex items-center gap-3 px-4 pt-4 pb-3 sm:px-6 sm:pt-6">
      <Face className="size-11" />
      <div className="min-w-0 flex-1 leading-tight">
        <p className="text-lg font-extrabold">{name}</p>
        {onStartOver ? (
          <button type="button" onClick={onStartOver} className="rounded text-sm font-semibold text-accent">
            Start over
          </button>
        ) : (
          <p className="text-sm text-muted">your kitchen companion</p>
        )}
      </div>
      <fieldset className="flex items-center gap-1 rounded-full bg-peach p-1">
        <legend className="sr-only">People to cook for</legend>
        <StepButton label="One person fewer" sign="−" isDisabled={servings <= 1} onClick={() => onServingsChange(servings - 1)} />
        <output className="w-20 text-center text-sm font-bold tabular-nums">
          {servings} {servings === 1 ? "person" : "people"}
        </output>
        <StepButton
          label="One person more"
          sign="+"
          isDisabled={servings >= MAX_SERVINGS}
          onClick={() => onServingsChange(servings + 1)}
        />
      </fieldset>
    </header>
  );
}

interface StepButtonProps {
  label: string;
  sign: string;
  isDisabled: boolean;
  onClick: () => void;
}

function StepButton({ label, sign, isDisabled, onClick }: StepButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      disabled={isDisabled}
      onClick={onClick}
      className="grid size-9 place-items-center rounded-full bg-bubble text-lg font-bold disabled:opacity-40"
    >
      {sign}
    </button>
  );
}
