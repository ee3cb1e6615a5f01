// One app's workspace: files and search on the side, code and preview in the middle, what strangers see beside them; on a
// phone one panel with the preview as a sheet over it.
import { type CSSProperties, lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { App } from "../api/types";
import { Button } from "../components/button";
import { ProblemNotice } from "../components/notice";
import { useUrlState } from "../components/use-url-state";
import { Drawer } from "./drawer/drawer";
import { DrawerToggle } from "./drawer/drawer-toggle";
import { CodePane } from "./editor/code-pane";
import { FileTree } from "./files/file-tree";
import { usePaths } from "./files/use-paths";
import styles from "./layout/layout.module.css";
import { Separator } from "./layout/separator";
import { SheetHandle } from "./layout/sheet-handle";
import { PREVIEW_PERCENT, SIDE_PX } from "./layout/split";
import { useRemembered } from "./layout/use-remembered";
import { ViewTabs } from "./layout/view-tabs";
import { PreviewPane } from "./preview/preview-pane";
import { RestoredNotice } from "./restored-notice";
import { StageRail } from "./session/stage-rail";
import { SidePanel } from "./side-panel";
import { Announcer } from "./site/announcer";
import { TopBar } from "./top-bar";
import { useWorkspace, type WorkspaceHandle } from "./use-workspace";
import { useWorkspaceCommands } from "./use-workspace-commands";

// What is not seen at first is loaded when it is.
const QuickOpenDialog = lazy(() => import("./files/quick-open-dialog"));
const PanelTabs = lazy(() => import("./layout/panel-tabs"));
const SearchPanel = lazy(() => import("./search/search-panel"));
const SitePanel = lazy(async () => ({ default: (await import("./site/site-panel")).SitePanel }));
const ChangesPane = lazy(() => import("./changes/changes-pane"));
const SettingsPanel = lazy(async () => ({
  default: (await import("./settings/settings-panel")).SettingsPanel,
}));

export function Workspace({ app, entryFile }: { app: App; entryFile: string | undefined }) {
  const { t } = useTranslation("frame");
  const workspace = useWorkspace(app, entryFile);
  const { layout, site, drawer, stage, handle, showLog } = workspace;
  const [quickOpen, setQuickOpen] = useState<{ before: HTMLElement | undefined }>();
  const openQuickly = () => setQuickOpen({ before: focusedElement() });
  useWorkspaceCommands(workspace, openQuickly);
  const paths = usePaths(workspace.state.files);
  const [sidePx, setSidePx] = useRemembered("side-width", 260, SIDE_PX);

  return (
    <div
      className={styles.workspace}
      data-panel={layout.under}
      data-sheet={layout.sheet}
      data-view={layout.view}
    >
      <Announcer publish={site.publish} />
      <TopBar workspace={workspace} />
      <main
        className={styles.body}
        style={{ "--side": `${sidePx}px` } as CSSProperties}
        data-site={site.shown}
      >
        <Side workspace={workspace} onOpenQuickly={openQuickly} />
        <Separator
          label={t("resizeSide")}
          value={sidePx}
          range={SIDE_PX}
          grows={1}
          pixelsPerUnit={() => 1}
          onChange={setSidePx}
        />
        <Middle workspace={workspace} />
        {site.shown && (
          <div className={styles.panel} data-name="site">
            <Suspense>
              <SitePanel app={app} site={site} draftVersion={workspace.draftNow} places={workspace.places} />
            </Suspense>
          </div>
        )}
      </main>
      <footer className={styles.foot}>
        <StageRail session={handle.session} stage={stage} onShowLog={showLog} />
        <DrawerToggle drawer={drawer} {...workspace.problemSources} />
      </footer>
      <Suspense>
        {layout.isPhone && (
          <PanelTabs
            panel={layout.panel}
            onPanel={(name) => (name === "preview" ? layout.setSheet("full") : layout.setPanel(name))}
          />
        )}
      </Suspense>
      <Suspense>
        {quickOpen && (
          <QuickOpenDialog
            before={quickOpen.before}
            onClose={() => setQuickOpen(undefined)}
            paths={paths}
            recent={workspace.tabs.paths}
            active={workspace.tabs.active}
            onOpen={workspace.openPlace}
          />
        )}
      </Suspense>
    </div>
  );
}

function Side({ workspace, onOpenQuickly }: { workspace: WorkspaceHandle; onOpenQuickly: () => void }) {
  const { t } = useTranslation("common");
  const { app, draft, state, layout, tabs, people, drawer } = workspace;
  return (
    <div className={styles.panel} data-name="side" data-region="side">
      {state.problem && (
        <ProblemNotice
          flat
          error={state.problem}
          actions={
            <Button small onClick={() => draft.refresh()}>
              {t("tryAgain")}
            </Button>
          }
        />
      )}
      <SidePanel
        tab={layout.sideTab}
        onTab={layout.showSide}
        sources={workspace.problemSources}
        onProblems={() => drawer.show("problems")}
        files={
          <FileTree
            app={app.id}
            draft={draft}
            state={state}
            activePath={tabs.active}
            people={people}
            onOpen={workspace.openFile}
            onOpenQuickly={onOpenQuickly}
            onMoved={tabs.moved}
          />
        }
        search={
          <Suspense>
            {(layout.searchAsked > 0 || layout.sideTab === "search") && (
              <SearchPanel
                app={app.id}
                draft={draft}
                version={workspace.draftNow}
                shown={layout.sideTab === "search"}
                onOpen={workspace.openPlace}
                focusKey={layout.searchAsked}
              />
            )}
          </Suspense>
        }
      />
    </div>
  );
}

function Middle({ workspace }: { workspace: WorkspaceHandle }) {
  const { t } = useTranslation("frame");
  const { app, draft, state, layout, handle, drawer, site, stage } = workspace;
  const { view, isPhone, isWide, sheet } = layout;
  const [previewPercent, setPreviewPercent] = useRemembered("preview-share", 52, PREVIEW_PERCENT);
  const shares = {
    "--code": `${100 - previewPercent}fr`,
    "--preview": `${previewPercent}fr`,
  } as CSSProperties;
  const isShown = (name: "changes" | "settings") => (isPhone ? layout.under === name : view === name);
  return (
    <div className={styles.stage} data-region="stage">
      <ViewTabs view={view} isWide={isWide} onView={layout.showView} />
      <RestoredNotice restored={state.restored} draft={draft} onOpen={workspace.openFile} />
      <div
        className={styles.panes}
        style={shares}
        // The tabs above say which part of the workspace this is; on a phone there are none.
        {...(!isPhone && { role: "tabpanel", "aria-label": t(`views.${view}`) })}
      >
        <div className={styles.panel} data-name="code">
          <CodePane
            app={app.id}
            draft={draft}
            state={state}
            tabs={workspace.tabs}
            problems={workspace.problems.byPath}
            people={workspace.people}
            onLine={workspace.presence.setLine}
            goal={workspace.goal}
            onReached={workspace.forgetGoal}
          />
        </div>
        {view === "both" && !isPhone && (
          <Separator
            label={t("resizePreview")}
            value={previewPercent}
            range={PREVIEW_PERCENT}
            grows={-1}
            pixelsPerUnit={sharedPixelsPerPercent}
            onChange={setPreviewPercent}
          />
        )}
        <div className={styles.panel} data-name="preview">
          {isPhone && <SheetHandle sheet={sheet} onSheet={layout.setSheet} />}
          <PreviewPane
            app={app}
            handle={handle}
            stage={stage}
            fallback={workspace.fallback}
            onShowLog={workspace.showLog}
          />
        </div>
        {isShown("changes") && <Changes workspace={workspace} />}
        {isShown("settings") && <Settings workspace={workspace} />}
      </div>
      {drawer.shown && (
        <div className={styles.log} data-region="drawer">
          <Drawer
            app={app.id}
            drawer={drawer}
            handle={handle}
            stage={stage}
            site={site}
            places={workspace.places}
            validation={workspace.problems.validation}
          />
        </div>
      )}
    </div>
  );
}

function Changes({ workspace }: { workspace: WorkspaceHandle }) {
  const { app, draft, version, travel, site } = workspace;
  return (
    <div className={styles.panel} data-name="changes">
      <Suspense>
        <ChangesPane
          app={app}
          draft={draft}
          version={version}
          travel={travel}
          onOpen={workspace.openFile}
          onPublished={() => {
            site.publish.show(undefined);
            site.showTab("publish");
          }}
        />
      </Suspense>
    </div>
  );
}

function Settings({ workspace }: { workspace: WorkspaceHandle }) {
  const [tab, setTab] = useUrlState("settings");
  return (
    <div className={styles.panel} data-name="settings">
      <Suspense>
        <SettingsPanel app={workspace.app} tab={tab} onTab={setTab} />
      </Suspense>
    </div>
  );
}

function focusedElement(): HTMLElement | undefined {
  const { activeElement } = document;
  return activeElement instanceof HTMLElement ? activeElement : undefined;
}

/** Code and preview share what is beside them: a hundredth of it in pixels. */
function sharedPixelsPerPercent(separator: HTMLElement): number {
  const code = separator.previousElementSibling?.clientWidth ?? 0;
  const preview = separator.nextElementSibling?.clientWidth ?? 0;
  return (code + preview) / 100;
}
