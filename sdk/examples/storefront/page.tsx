// Corner Shop, a product that has nothing to do with Vitrine but for this page: its people make a page of their own here.
import { Vitrine } from "@vitrine/client";
import {
  ConsolePanel,
  PublishButton,
  useDraft,
  useTemplates,
  useWorkspace,
  VitrineProvider,
  type Workspace,
  WorkspacePreview,
} from "@vitrine/react";
import "@vitrine/react/styles.css";
import "./page.css";
import { type FormEvent, StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

// Our own server lets our people through to Vitrine. Nothing that opens its API is ever in this page.
const client = new Vitrine({ url: "/vitrine" });

function Shop() {
  const [appId, setAppId] = useState(() => new URLSearchParams(location.search).get("app") ?? undefined);
  const remember = (id?: string) => {
    history.replaceState(null, "", id ? `?app=${id}` : "/");
    setAppId(id);
  };
  const { workspace, isLoading, error, createWorkspace, deleteWorkspace } = useWorkspace(appId, {
    onCreated: remember,
    onDeleted: () => remember(),
  });
  return (
    <main>
      <header>
        <h1>Corner Shop</h1>
        {workspace && <PublishButton appId={workspace.id} />}
        {workspace && (
          <button type="button" disabled={isLoading} onClick={() => void deleteWorkspace()}>
            Delete page
          </button>
        )}
      </header>
      {error && <p role="alert">{error.message}</p>}
      {isLoading && !workspace && <p role="status">One moment…</p>}
      {!workspace && !isLoading && (
        <NewPage onCreate={(name, template) => void createWorkspace({ name, template })} />
      )}
      {workspace && <Studio key={workspace.id} workspace={workspace} />}
    </main>
  );
}

function NewPage({ onCreate }: { onCreate: (name: string, template: string) => void }) {
  const { templates = [], isLoading, error } = useTemplates();
  const create = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    onCreate(String(form.get("name")), String(form.get("template")));
  };
  if (error) return <p role="alert">{error.message}</p>;
  return (
    <form className="new" onSubmit={create}>
      <h2>Make a page for your shop</h2>
      <label>
        Its name
        <input name="name" required defaultValue="Our corner shop" />
      </label>
      <label>
        How it looks
        <select name="template" disabled={isLoading}>
          {templates.map(({ key, name }) => (
            <option key={key} value={key}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" disabled={isLoading}>
        Make it
      </button>
    </form>
  );
}

function Studio({ workspace }: { workspace: Workspace }) {
  const [showConsole, setShowConsole] = useState(false);
  return (
    <div className="studio">
      <Source workspace={workspace} />
      <div className="stage">
        <WorkspacePreview appId={workspace.id} title={`Preview of ${workspace.name}`} />
        <label>
          <input type="checkbox" onChange={(event) => setShowConsole(event.target.checked)} /> Console
        </label>
        {showConsole && <ConsolePanel appId={workspace.id} />}
      </div>
    </div>
  );
}

/** One file of the page, to be edited by hand. Your product has something nicer here: a form, a chat. */
function Source({ workspace }: { workspace: Workspace }) {
  const { files = {}, read, write, error, isSaving } = useDraft(workspace.id);
  const { templates } = useTemplates();
  const [chosen, setPath] = useState<string>();
  const path = chosen ?? templates?.find(({ key }) => key === workspace.view.template)?.entry_file;
  const [text, setText] = useState<string>();
  useEffect(() => {
    let isShown = true;
    setText(undefined);
    if (path)
      read(path)
        .then((found) => isShown && setText(found))
        .catch(() => undefined);
    return () => {
      isShown = false;
    };
  }, [path, read]);
  return (
    <section className="source" aria-label="Source">
      <select aria-label="File" value={path ?? ""} onChange={(event) => setPath(event.target.value)}>
        {Object.keys(files).map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <textarea
        aria-label={path ?? "Content"}
        spellCheck={false}
        disabled={text === undefined}
        value={text ?? ""}
        onChange={(event) => {
          setText(event.target.value);
          // What is typed while it is saved goes along the next time. What could not be saved is in `error`.
          if (path) write({ [path]: event.target.value }).catch(() => undefined);
        }}
      />
      <p role="status">{error ? error.message : isSaving ? "Saving…" : "Saved"}</p>
    </section>
  );
}

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <VitrineProvider client={client}>
      <Shop />
    </VitrineProvider>
  </StrictMode>,
);
