// One source, to read beside the conversation.
import type { Source } from "../lib/runtime/events";
import { Markdown } from "./Markdown";

interface SourceViewerProps {
  source: Source;
  isSample: boolean;
  onClose: () => void;
}

export function SourceViewer({ source, isSample, onClose }: SourceViewerProps) {
  return (
    <div className="flex h-full flex-col">
      <header className="flex items-center justify-between gap-4 border-b border-line px-5 py-3">
        <p className="text-sm text-muted">
          Source {source.ref}
          {isSample && ", sample"}
        </p>
        <button type="button" onClick={onClose} aria-label="Close source" className="-mr-1 rounded-md p-1 hover:bg-frame">
          <svg viewBox="0 0 24 24" aria-hidden="true" className="size-5" fill="none" stroke="currentColor" strokeWidth="1.75" strokeLinecap="round">
            <path d="M6 6l12 12M18 6L6 18" />
          </svg>
        </button>
      </header>
      <div className="flex-1 overflow-y-auto px-5 py-6">
        <h2 className="text-xl leading-snug font-semibold tracking-tight text-balance">{source.title}</h2>
        <div className="answer mt-4 text-[0.95rem] leading-7">
          <Markdown text={source.excerpt} />
        </div>
        {source.url && (
          <a
            href={source.url}
            target="_blank"
            rel="noreferrer"
            className="mt-6 inline-block font-medium text-accent underline underline-offset-4"
          >
            Open the original
          </a>
        )}
      </div>
    </div>
  );
}
