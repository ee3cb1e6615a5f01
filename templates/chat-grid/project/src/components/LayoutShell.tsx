// Where the panes go: side by side when there is room, the outline and the sources as overlays when there is not.
import type { ReactNode } from "react";
import { useResizableWidth } from "../lib/use-resizable-width";

export type Overlay = "outline" | "sources" | null;

const VIEWER = { initialPx: 400, minPx: 360, maxPx: 920 };

interface LayoutShellProps {
  title: string;
  sourceCount: number;
  overlay: Overlay;
  onOverlayChange: (overlay: Overlay) => void;
  outline: ReactNode;
  chat: ReactNode;
  sources: ReactNode;
  /** Nothing while no source is open. */
  viewer: ReactNode;
}

export function LayoutShell(props: LayoutShellProps) {
  const { overlay, onOverlayChange } = props;
  const viewer = useResizableWidth(VIEWER);
  const toggle = (wanted: Overlay) => onOverlayChange(overlay === wanted ? null : wanted);

  return (
    <div
      className="flex h-dvh flex-col lg:flex-row lg:gap-px lg:bg-line"
      onKeyDown={(event) => event.key === "Escape" && onOverlayChange(null)}
    >
      <header className="z-30 flex h-12 shrink-0 items-center justify-between gap-2 border-b border-line bg-paper px-3 lg:hidden">
        <OverlayButton label="Outline" isOpen={overlay === "outline"} onClick={() => toggle("outline")} />
        <span className="font-semibold">{props.title}</span>
        <OverlayButton
          label={`Sources (${props.sourceCount})`}
          isOpen={overlay === "sources"}
          onClick={() => toggle("sources")}
        />
      </header>
      <aside className={`${paneClass(overlay === "outline")} lg:w-52`} aria-label="Outline">
        {props.outline}
      </aside>
      <main className="flex min-h-0 min-w-0 flex-1 flex-col bg-paper">{props.chat}</main>
      <aside className={`${paneClass(overlay === "sources")} lg:w-60`} aria-label="Sources">
        {props.sources}
      </aside>
      {props.viewer && (
        <aside
          aria-label="Open source"
          style={{ "--viewer-width": `${viewer.widthPx}px` }}
          className="fixed inset-0 z-40 bg-paper lg:relative lg:inset-auto lg:w-(--viewer-width) lg:max-w-[50vw] lg:shrink-0"
        >
          <div
            role="separator"
            tabIndex={0}
            aria-label="Width of the source"
            aria-orientation="vertical"
            aria-valuenow={viewer.widthPx}
            aria-valuemin={VIEWER.minPx}
            aria-valuemax={VIEWER.maxPx}
            {...viewer.handle}
            className="absolute inset-y-0 -left-1 hidden w-2 cursor-col-resize touch-none after:absolute after:inset-y-0 after:left-0.5 after:w-0.5 hover:after:bg-accent focus-visible:after:bg-accent lg:block"
          />
          {props.viewer}
        </aside>
      )}
    </div>
  );
}

function paneClass(isOverlay: boolean): string {
  const place = isOverlay ? "fixed inset-x-0 top-12 bottom-0 z-20" : "hidden";
  return `${place} overflow-y-auto bg-frame lg:static lg:block lg:shrink-0`;
}

interface OverlayButtonProps {
  label: string;
  isOpen: boolean;
  onClick: () => void;
}

function OverlayButton({ label, isOpen, onClick }: OverlayButtonProps) {
  return (
    <button
      type="button"
      aria-expanded={isOpen}
      onClick={onClick}
      className="rounded-md px-2 py-1 font-medium text-accent aria-expanded:bg-accent-soft"
    >
      {label}
    </button>
  );
}
