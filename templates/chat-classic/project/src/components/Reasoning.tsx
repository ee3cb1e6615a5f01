// The steps behind an answer: open while they run, folded away afterwards.
import type { ReasoningStep } from "../lib/runtime/events";
import { Icon } from "./Icon";

interface ReasoningProps {
  steps: ReasoningStep[];
  isOpen: boolean;
}

export function Reasoning({ steps, isOpen }: ReasoningProps) {
  if (steps.length === 0) return null;
  return (
    <details open={isOpen} className="group mt-4 text-sm">
      <summary className="inline-flex cursor-pointer list-none items-center gap-1.5 rounded-md text-muted hover:text-ink">
        <Icon name="chevron" className="size-4 transition-transform group-open:rotate-90" />
        {isOpen ? "Working on it" : `Reached in ${steps.length} ${steps.length === 1 ? "step" : "steps"}`}
      </summary>
      <ol className="mt-3 ml-2 space-y-3 border-l border-line pl-5">
        {steps.map((step) => (
          <li key={step.id}>
            <p className="flex items-center gap-2 font-medium">
              {step.label}
              {step.status === "active" && <span className="size-1.5 animate-pulse rounded-full bg-accent" />}
            </p>
            {step.detail && <p className="mt-0.5 leading-6 text-muted">{step.detail}</p>}
          </li>
        ))}
      </ol>
    </details>
  );
}
