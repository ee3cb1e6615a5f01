// Two texts and what differs between them, to be read: beside each other, or one below the other.
import { goToNextChunk, goToPreviousChunk, MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import i18next from "i18next";
import { type Ref, useEffect, useImperativeHandle, useRef } from "react";
import { languageOf } from "../editor/languages";
import { phrases } from "../editor/phrases";
import { setup } from "../editor/setup";
import { toEditor } from "../editor/text";
import styles from "./changes.module.css";

/** Two large texts that have nothing in common would hold the page up: then the comparison gets coarser. */
const DIFF = { scanLimit: 500, timeout: 100 };
const COLLAPSE = { margin: 3, minSize: 6 };

export interface DiffHandle {
  /** Goes to the next place that differs, 1, or the one before, -1. */
  step(by: 1 | -1): void;
}

interface DiffViewProps {
  ref?: Ref<DiffHandle>;
  path: string;
  before: string;
  after: string;
  inline: boolean;
}

export default function DiffView({ ref, path, before, after, inline }: DiffViewProps) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorView>(undefined);
  useImperativeHandle(
    ref,
    () => ({
      step: (by) => {
        const view = editor.current;
        if (view) (by === 1 ? goToNextChunk : goToPreviousChunk)(view);
        view?.focus();
      },
    }),
    [],
  );
  useEffect(() => {
    let destroy: (() => void) | undefined;
    let here = true;
    void languageOf(path).then((language) => {
      const parent = host.current;
      if (!here || !parent) return;
      const shared: Extension = [phrases(), setup, language, readOnly, steps];
      const [a, b] = [toEditor(before), toEditor(after)];
      const shown = inline ? below(parent, a, b, shared, path) : beside(parent, a, b, shared, path);
      editor.current = shown.editor;
      destroy = shown.destroy;
    });
    return () => {
      here = false;
      editor.current = undefined;
      destroy?.();
    };
  }, [path, before, after, inline]);
  return <div ref={host} className={styles.diff} data-testid="diff" />;
}

// Not `editable: false`: whoever reads by keyboard needs the cursor.
const readOnly: Extension = EditorState.readOnly.of(true);
const steps = keymap.of([
  { key: "Alt-ArrowDown", run: goToNextChunk },
  { key: "Alt-ArrowUp", run: goToPreviousChunk },
]);

function beside(parent: Element, a: string, b: string, shared: Extension, path: string) {
  const view = new MergeView({
    parent,
    a: { doc: a, extensions: [shared, named(i18next.t("changes:before", { path }))] },
    b: { doc: b, extensions: [shared, named(i18next.t("changes:after", { path }))] },
    collapseUnchanged: COLLAPSE,
    diffConfig: DIFF,
  });
  return { editor: view.b, destroy: () => view.destroy() };
}

function below(parent: Element, a: string, b: string, shared: Extension, path: string) {
  const merge = unifiedMergeView({
    original: a,
    mergeControls: false,
    collapseUnchanged: COLLAPSE,
    diffConfig: DIFF,
  });
  const extensions = [shared, merge, named(i18next.t("changes:after", { path }))];
  const editor = new EditorView({ parent, doc: b, extensions });
  return { editor, destroy: () => editor.destroy() };
}

function named(label: string): Extension {
  return EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" });
}
