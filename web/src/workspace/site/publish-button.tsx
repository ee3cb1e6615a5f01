// Publishes the draft, or shows the publish that goes on; by a key as well.
import { type RefObject, useEffect, useRef } from "react";
import { Button } from "../../components/button";
import { strings } from "../../strings";

const text = strings.publish;

interface PublishButtonProps {
  ref: RefObject<HTMLButtonElement | null>;
  going: boolean;
  onPublish: () => void;
}

export function PublishButton({ ref, going, onPublish }: PublishButtonProps) {
  useKey(onPublish);
  const apple = /Mac|iPhone|iPad/.test(navigator.platform);
  return (
    <Button
      ref={ref}
      small
      look="primary"
      title={text.shortcut(apple ? "⌘⇧P" : "Ctrl+Shift+P")}
      aria-keyshortcuts="Control+Shift+P Meta+Shift+P"
      data-testid="publish"
      onClick={onPublish}
    >
      {going ? text.going : text.button}
    </Button>
  );
}

function useKey(act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const meant = (event.ctrlKey || event.metaKey) && event.shiftKey && !event.altKey;
      if (!meant || event.key.toLowerCase() !== "p") return;
      // The browser would print.
      event.preventDefault();
      if (!event.repeat) latest.current();
    };
    // In front of the editor, which may know the key as well.
    addEventListener("keydown", onKey, { capture: true });
    return () => removeEventListener("keydown", onKey, { capture: true });
  }, []);
}
