// CodeMirror for React: one view, a state per file, so that switching keeps undo, selection and scrolling.
import { setDiagnostics } from "@codemirror/lint";
import { gotoLine, openSearchPanel } from "@codemirror/search";
import { Annotation, Compartment, EditorState, type Extension, Text, Transaction } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import i18next from "i18next";
import { type Ref, type RefObject, useEffect, useImperativeHandle, useRef } from "react";
import { marksOf, type Problem } from "./diagnostics";
import styles from "./editor.module.css";
import { formatText, parserOf } from "./format";
import { languageOf } from "./languages";
import { phrases } from "./phrases";
import { setup } from "./setup";
import { fromEditor, lineEndingOf, replacement, toEditor } from "./text";

interface CodeEditorProps {
  ref?: Ref<EditorHandle>;
  path: string;
  text: string;
  /** Another value than before: `text` was replaced by something else than typing here. */
  loadId: number;
  problems: readonly Problem[];
  onChange: (path: string, text: string) => void;
  onSave: () => void;
  /** The cursor is in this line now, from 1. */
  onLine: (line: number) => void;
  goal?: Goal | undefined;
  /** The cursor is at `goal` now. */
  onReached: () => void;
}

/** What can be asked of the editor from outside. */
export interface EditorHandle {
  focus(): void;
  /** Opens the search in this file. */
  find(): void;
  goToLine(): void;
  /** Rejects with `FormatError` when the text cannot be read; false when there is no formatter for this kind of file. */
  format(): Promise<boolean>;
}

/** Where the cursor shall go, in lines and columns from 1; past the end means the end. */
export interface Goal {
  line: number;
  column?: number;
}

const fromOutside = Annotation.define<boolean>();
const language = new Compartment();
const NO_PROBLEMS: readonly Problem[] = [];

interface Kept {
  state: EditorState;
  scrollTop: number;
  /** Whether its language has been loaded. */
  spoken: boolean;
}

export default function CodeEditor(props: CodeEditorProps) {
  const { path, text, loadId, goal } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    if (!host.current) return;
    const created = new EditorView({ parent: host.current });
    view.current = created;
    return () => created.destroy();
  }, []);
  useImperativeHandle(props.ref, () => handleOf(view, latest), []);
  useFile(view, latest, path);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `text` is what was typed here, unless `loadId` says else
  useEffect(() => {
    const editor = view.current;
    const change = editor && replacement(editor.state.doc.toString(), toEditor(text));
    if (!editor || !change) return;
    // `Text` directly: a plain string would be split by what the state takes for line ends.
    const insert = Text.of(change.insert.split("\n"));
    // Undo takes back what was typed here, never what somebody else did.
    const annotations = [fromOutside.of(true), Transaction.addToHistory.of(false)];
    editor.dispatch({ changes: { ...change, insert }, annotations });
  }, [path, loadId]);

  const problems = props.problems.length === 0 ? NO_PROBLEMS : props.problems;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another file has other marks
  useEffect(() => {
    const editor = view.current;
    if (editor) editor.dispatch(setDiagnostics(editor.state, marksOf(editor.state.doc, problems)));
  }, [path, problems]);

  useEffect(() => {
    if (!goal) return;
    // After the frame that puts a file's scrolling back.
    const frame = requestAnimationFrame(() => {
      if (!view.current) return;
      goTo(view.current, goal);
      latest.current.onReached();
    });
    return () => cancelAnimationFrame(frame);
  }, [goal]);

  return <div ref={host} className={styles.editor} data-testid="editor" />;
}

/** Shows the file at `path` as it was left. */
function useFile(
  view: RefObject<EditorView | undefined>,
  latest: RefObject<CodeEditorProps>,
  path: string,
): void {
  const kept = useRef(new Map<string, Kept>());
  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const before = kept.current.get(path);
    editor.setState(before?.state ?? stateOf(path, latest.current.text, latest));
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
  }, [view, latest, path]);
}

function handleOf(view: RefObject<EditorView | undefined>, latest: RefObject<CodeEditorProps>): EditorHandle {
  return {
    focus: () => view.current?.focus(),
    find: () => view.current && openSearchPanel(view.current),
    goToLine: () => view.current && gotoLine(view.current),
    format: () => (view.current ? format(view.current, latest.current.path) : Promise.resolve(false)),
  };
}

/** Formats what is in the editor; whoever typed on meanwhile keeps what they have typed. */
async function format(editor: EditorView, path: string): Promise<boolean> {
  const parser = parserOf(path);
  if (!parser) return false;
  const { doc, selection } = editor.state;
  const before = doc.toString();
  const { text, cursor } = await formatText(path, parser, before, selection.main.head);
  const change = replacement(before, text);
  if (!change || editor.state.doc !== doc) return true;
  const insert = Text.of(change.insert.split("\n"));
  editor.dispatch({
    changes: { ...change, insert },
    selection: { anchor: Math.min(Math.max(0, cursor), text.length) },
    userEvent: "input.format",
    scrollIntoView: true,
  });
  return true;
}

function goTo(editor: EditorView, { line, column = 1 }: Goal): void {
  const { doc } = editor.state;
  const { from, to } = doc.line(Math.min(Math.max(1, line), doc.lines));
  const at = Math.min(from + Math.max(0, column - 1), to);
  editor.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
  editor.focus();
}

function stateOf(path: string, text: string, latest: RefObject<CodeEditorProps>): EditorState {
  const lineEnding = lineEndingOf(text);
  const report = EditorView.updateListener.of((update) => {
    const { onChange, onLine } = latest.current;
    const typed = update.docChanged && !update.transactions.some((step) => step.annotation(fromOutside));
    if (typed) onChange(path, fromEditor(update.state.doc.toString(), lineEnding));
    if (update.selectionSet || typed)
      onLine(update.state.doc.lineAt(update.state.selection.main.head).number);
  });
  const save = keymap.of([
    {
      key: "Mod-s",
      preventDefault: true,
      run: () => {
        latest.current.onSave();
        return true;
      },
    },
  ]);
  const extensions: Extension[] = [
    save,
    phrases(),
    setup,
    language.of([]),
    report,
    EditorView.contentAttributes.of({ "aria-label": i18next.t("editor:label", { path }), tabindex: "0" }),
  ];
  return EditorState.create({ doc: toEditor(text), extensions });
}
