// Files, code and preview of one app side by side, on a phone one after the other.
import { type CSSProperties, useCallback, useEffect, useState } from "react";
import type { App } from "../api/types";
import { Button } from "../components/button";
import { ProblemNotice } from "../components/notice";
import { PHONE, useMedia } from "../components/use-media";
import { useUrlState } from "../components/use-url-state";
import { strings } from "../strings";
import { useDraft } from "./draft/use-draft";
import { Drawer } from "./drawer/drawer";
import { DrawerToggle } from "./drawer/drawer-toggle";
import { useDrawer } from "./drawer/use-drawer";
import type { Goal } from "./editor/code-editor";
import { CodePane } from "./editor/code-pane";
import { useTabs } from "./editor/use-tabs";
import { FileTree } from "./files/file-tree";
import styles from "./layout/layout.module.css";
import { PanelTabs, panelOf } from "./layout/panel-tabs";
import { Separator } from "./layout/separator";
import { FILES_PX, PREVIEW_PERCENT } from "./layout/split";
import { useRemembered } from "./layout/use-remembered";
import { PreviewPane } from "./preview/preview-pane";
import { useFallback } from "./preview/use-fallback";
import { useStage } from "./preview/use-stage";
import { StageRail } from "./session/stage-rail";
import { useSession } from "./session/use-session";
import { Announcer } from "./site/announcer";
import type { Place } from "./site/publish-view";
import { SitePanel } from "./site/site-panel";
import { useSite } from "./site/use-site";
import { TopBar } from "./top-bar";

export function Workspace({ app, entryFile }: { app: App; entryFile: string | undefined }) {
  const { draft, state } = useDraft(app.id);
  const tabs = useTabs(app.id, draft, state, entryFile);
  const handle = useSession(app.id);
  const { session } = handle;
  const isPhone = useMedia(PHONE);
  const [panelName, setPanelName] = useUrlState("panel");
  const panel = panelOf(panelName);
  const site = useSite(app, draft, { isPhone, panel, setPanel: setPanelName });
  const drawer = useDrawer({ isPhone, panel, setPanel: setPanelName });
  const [filesPx, setFilesPx] = useRemembered("files-width", 220, FILES_PX);
  const [previewPercent, setPreviewPercent] = useRemembered("preview-share", 52, PREVIEW_PERCENT);

  const draftVersion = session?.draft_version;
  useEffect(() => {
    if (draftVersion !== undefined) draft.noticeVersion(draftVersion);
  }, [draft, draftVersion]);

  const openFile = (path: string) => {
    tabs.open(path);
    if (isPhone) setPanelName("code");
  };
  const [goal, setGoal] = useState<Goal & { path: string }>();
  const forgetGoal = useCallback(() => setGoal(undefined), []);
  const openPlace = ({ path, line, column }: Place) => {
    openFile(path);
    if (line !== undefined) setGoal({ path, line, ...(column !== undefined && { column }) });
  };
  const places = { exists: (path: string) => path in state.files, open: openPlace };
  const draftNow = state.version ?? app.version;
  const fallback = useFallback(handle, site.publish.preview, draftNow);
  const stage = useStage(app.id, handle, openPlace);
  const showLog = () => drawer.show("server");
  const widths = {
    "--files": `${filesPx}px`,
    "--code": `${100 - previewPercent}fr`,
    "--preview": `${previewPercent}fr`,
  } as CSSProperties;

  return (
    <div className={styles.workspace} data-panel={panel}>
      <Announcer publish={site.publish} />
      <TopBar
        app={app}
        save={state.save}
        session={session}
        site={site}
        draftVersion={draftNow}
        onRetrySave={() => draft.retryNow()}
        onShowConflict={openFile}
      />
      <main className={styles.body} style={widths} data-site={site.shown}>
        <div className={styles.panel} data-name="files">
          {state.problem && (
            <ProblemNotice
              flat
              error={state.problem}
              actions={
                <Button small onClick={() => draft.refresh()}>
                  {strings.common.tryAgain}
                </Button>
              }
            />
          )}
          <FileTree
            app={app.id}
            draft={draft}
            state={state}
            activePath={tabs.active}
            onOpen={openFile}
            onMoved={tabs.moved}
          />
        </div>
        <Separator
          label={strings.workspace.resizeFiles}
          value={filesPx}
          range={FILES_PX}
          grows={1}
          pixelsPerUnit={() => 1}
          onChange={setFilesPx}
        />
        <div className={styles.panel} data-name="code">
          <CodePane app={app.id} draft={draft} state={state} tabs={tabs} goal={goal} onReached={forgetGoal} />
        </div>
        <Separator
          label={strings.workspace.resizePreview}
          value={previewPercent}
          range={PREVIEW_PERCENT}
          grows={-1}
          pixelsPerUnit={sharedPixelsPerPercent}
          onChange={setPreviewPercent}
        />
        <div className={styles.panel} data-name="preview">
          <PreviewPane app={app} handle={handle} stage={stage} fallback={fallback} onShowLog={showLog} />
        </div>
        {site.shown && (
          <div className={styles.panel} data-name="site">
            <SitePanel app={app} site={site} draftVersion={draftNow} places={places} />
          </div>
        )}
      </main>
      {drawer.shown && (
        <div className={styles.log}>
          <Drawer
            app={app.id}
            drawer={drawer}
            handle={handle}
            stage={stage}
            site={site}
            places={places}
            draftVersion={draftNow}
          />
        </div>
      )}
      <footer className={styles.foot}>
        <StageRail session={session} stage={stage} onShowLog={showLog} />
        <DrawerToggle drawer={drawer} handle={handle} stage={stage} site={site} places={places} />
      </footer>
      <PanelTabs panel={panel} onPanel={(name) => setPanelName(name === "preview" ? "" : name)} />
    </div>
  );
}

/** Code and preview share what is beside them: a hundredth of it in pixels. */
function sharedPixelsPerPercent(separator: HTMLElement): number {
  const code = separator.previousElementSibling?.clientWidth ?? 0;
  const preview = separator.nextElementSibling?.clientWidth ?? 0;
  return (code + preview) / 100;
}
