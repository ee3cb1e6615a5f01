// CodeMirror for React: one view, a state per file, so that switching keeps undo, selection and scrolling.
import { Annotation, Compartment, EditorState, type Extension, Text } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { type RefObject, useEffect, useRef } from "react";
import { strings } from "../../strings";
import styles from "./editor.module.css";
import { languageOf } from "./languages";
import { setup } from "./setup";
import { fromEditor, lineEndingOf, replacement, toEditor } from "./text";

interface CodeEditorProps {
  path: string;
  text: string;
  /** Another value than before: `text` was replaced by something else than typing here. */
  loadId: number;
  readOnly?: boolean;
  onChange?: (path: string, text: string) => void;
  onSave?: () => void;
  goal?: Goal | undefined;
  /** The cursor is at `goal` now. */
  onReached?: () => void;
}

/** Where the cursor shall go, in lines and columns from 1; past the end means the end. */
export interface Goal {
  line: number;
  column?: number;
}

const fromOutside = Annotation.define<boolean>();
const language = new Compartment();

interface Kept {
  state: EditorState;
  scrollTop: number;
  /** Whether its language has been loaded. */
  spoken: boolean;
}

export default function CodeEditor(props: CodeEditorProps) {
  const { path, text, loadId, readOnly = false } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const kept = useRef(new Map<string, Kept>());
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    if (!host.current) return;
    const created = new EditorView({ parent: host.current });
    view.current = created;
    return () => created.destroy();
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `text` is what was typed here, unless `loadId` says else
  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const before = kept.current.get(path);
    editor.setState(before?.state ?? stateOf(path, text, readOnly, latest));
    if (before) requestAnimationFrame(() => editor.scrollDOM.scrollTo({ top: before.scrollTop }));
    let here = true;
    let spoken = before?.spoken ?? false;
    if (!spoken) {
      void languageOf(path).then((extension) => {
        if (!here) return;
        spoken = true;
        editor.dispatch({ effects: language.reconfigure(extension) });
      });
    }
    return () => {
      here = false;
      kept.current.set(path, { state: editor.state, scrollTop: editor.scrollDOM.scrollTop, spoken });
    };
  }, [path, readOnly]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  useEffect(() => {
    const editor = view.current;
    const change = editor && replacement(editor.state.doc.toString(), toEditor(text));
    if (!editor || !change) return;
    // `Text` directly: a plain string would be split by what the state takes for line ends.
    const insert = Text.of(change.insert.split("\n"));
    editor.dispatch({ changes: { ...change, insert }, annotations: fromOutside.of(true) });
  }, [path, loadId]);

  const { goal } = props;
  useEffect(() => {
    if (!goal) return;
    // After the frame that puts a file's scrolling back.
    const frame = requestAnimationFrame(() => {
      if (!view.current) return;
      goTo(view.current, goal);
      latest.current.onReached?.();
    });
    return () => cancelAnimationFrame(frame);
  }, [goal]);

  return <div ref={host} className={styles.editor} data-testid={readOnly ? "editor-theirs" : "editor"} />;
}

function goTo(editor: EditorView, { line, column = 1 }: Goal): void {
  const { doc } = editor.state;
  const { from, to } = doc.line(Math.min(Math.max(1, line), doc.lines));
  const at = Math.min(from + Math.max(0, column - 1), to);
  editor.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
  editor.focus();
}

function stateOf(
  path: string,
  text: string,
  readOnly: boolean,
  latest: RefObject<CodeEditorProps>,
): EditorState {
  const lineEnding = lineEndingOf(text);
  const report = EditorView.updateListener.of((update) => {
    const typed = update.docChanged && !update.transactions.some((step) => step.annotation(fromOutside));
    if (typed) latest.current.onChange?.(path, fromEditor(update.state.doc.toString(), lineEnding));
  });
  const save = keymap.of([
    {
      key: "Mod-s",
      preventDefault: true,
      run: () => {
        latest.current.onSave?.();
        return true;
      },
    },
  ]);
  const label = readOnly ? strings.editor.theirs : strings.editor.label(path);
  const extensions: Extension[] = [
    save,
    setup,
    language.of([]),
    report,
    EditorView.contentAttributes.of({ "aria-label": label }),
    readOnly ? [EditorState.readOnly.of(true), EditorView.editable.of(false)] : [],
  ];
  return EditorState.create({ doc: toEditor(text), extensions });
}
