// Two versions of one file beside each other: theirs, and ours, which goes on being typed in and can take over parts of theirs.
import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import i18next from "i18next";
import { useEffect, useRef } from "react";
import styles from "./editor.module.css";
import { languageOf } from "./languages";
import { phrases } from "./phrases";
import { setup } from "./setup";
import { fromEditor, lineEndingOf, toEditor } from "./text";

interface ConflictViewProps {
  path: string;
  mine: string;
  theirs: string;
  /** One below the other, where there is no room beside. */
  narrow: boolean;
  onChange: (text: string) => void;
}

/** Mounted anew for another version of theirs; what is typed here stays in `mine`. */
export default function ConflictView({ path, mine, theirs, narrow, onChange }: ConflictViewProps) {
  const host = useRef<HTMLDivElement>(null);
  const latest = useRef({ mine, onChange });
  latest.current = { mine, onChange };
  useEffect(() => {
    let destroy: (() => void) | undefined;
    let here = true;
    void languageOf(path).then((language) => {
      const parent = host.current;
      if (!here || !parent) return;
      const { mine: text } = latest.current;
      const lineEnding = lineEndingOf(text);
      const report = EditorView.updateListener.of((update) => {
        if (update.docChanged) latest.current.onChange(fromEditor(update.state.doc.toString(), lineEnding));
      });
      const shared = [phrases(), setup, language];
      const ours = [...shared, report, named(i18next.t("editor:mine", { path }))];
      const [a, b] = [toEditor(theirs), toEditor(text)];
      destroy = narrow ? below(parent, a, b, ours) : beside(parent, a, b, ours, shared);
    });
    return () => {
      here = false;
      destroy?.();
    };
  }, [path, theirs, narrow]);
  return <div ref={host} className={styles.conflict} data-testid="conflict-view" />;
}

function beside(
  parent: Element,
  theirs: string,
  mine: string,
  ours: Extension,
  shared: Extension,
): () => void {
  const view = new MergeView({
    parent,
    a: {
      doc: theirs,
      extensions: [
        shared,
        EditorState.readOnly.of(true),
        EditorView.editable.of(false),
        named(i18next.t("editor:theirs")),
      ],
    },
    b: { doc: mine, extensions: ours },
    revertControls: "a-to-b",
    renderRevertControl: takeButton,
    gutter: true,
  });
  view.b.focus();
  return () => view.destroy();
}

function below(parent: Element, theirs: string, mine: string, ours: Extension): () => void {
  const merge = unifiedMergeView({ original: theirs, mergeControls: false, gutter: true });
  const view = new EditorView({ parent, doc: mine, extensions: [ours, merge] });
  return () => view.destroy();
}

function takeButton(): HTMLElement {
  const button = document.createElement("button");
  const words = i18next.t("editor:takeChunk");
  button.type = "button";
  button.title = words;
  button.setAttribute("aria-label", words);
  button.textContent = "→";
  return button;
}

function named(label: string): Extension {
  return EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" });
}
