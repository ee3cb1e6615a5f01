// Everything one app's workspace holds: the draft, what is open, who is there, the session, the site; and going to places.
import { useCallback, useEffect, useMemo, useState } from "react";
import type { App } from "../api/types";
import { useDraft } from "./draft/use-draft";
import { useDrawer } from "./drawer/use-drawer";
import type { Goal } from "./editor/code-editor";
import { useProblems } from "./editor/use-problems";
import { useTabs } from "./editor/use-tabs";
import { useLayout } from "./layout/use-layout";
import { peopleByFile } from "./presence/people";
import { useChannel } from "./presence/use-channel";
import { useFallback } from "./preview/use-fallback";
import { useStage } from "./preview/use-stage";
import { useSession } from "./session/use-session";
import type { Place } from "./site/publish-view";
import { useSite } from "./site/use-site";
import { useTravel } from "./timeline/use-travel";

export type WorkspaceHandle = ReturnType<typeof useWorkspace>;

export function useWorkspace(app: App, entryFile: string | undefined) {
  const { draft, state } = useDraft(app.id);
  const layout = useLayout();
  const tabs = useTabs(app.id, draft, state, entryFile);
  const handle = useSession(app.id);
  const site = useSite(app, draft, layout);
  const travel = useTravel(app.id, draft);
  const version = state.version ?? undefined;
  const problems = useProblems(app.id, version);
  const drawer = useDrawer(layout);

  const draftVersion = handle.session?.draft_version;
  useEffect(() => {
    if (draftVersion !== undefined) draft.noticeVersion(draftVersion);
  }, [draft, draftVersion]);

  const openFile = (path: string) => {
    tabs.open(path);
    layout.showCode();
  };
  const [goal, setGoal] = useState<Goal & { path: string }>();
  const forgetGoal = useCallback(() => setGoal(undefined), []);
  const openPlace = ({ path, line, column }: Place) => {
    openFile(path);
    if (line !== undefined) setGoal({ path, line, ...(column !== undefined && { column }) });
  };
  const stage = useStage(app.id, handle, openPlace);
  const presence = useChannel(app.id, draft, tabs.active, stage.take);
  const people = useMemo(() => peopleByFile(presence.people), [presence.people]);
  const draftNow = state.version ?? app.version;
  const places = { exists: (path: string) => path in state.files, open: openPlace };
  return {
    app,
    draft,
    state,
    version,
    draftNow,
    layout,
    tabs,
    handle,
    site,
    travel,
    problems,
    drawer,
    showLog: () => drawer.show("server"),
    stage,
    presence,
    people,
    fallback: useFallback(handle, site.publish.preview, draftNow),
    openFile,
    openPlace,
    places,
    /** For whatever shows or counts everything that is wrong. */
    problemSources: { handle, site, stage, places, validation: problems.validation },
    goal,
    forgetGoal,
  };
}
