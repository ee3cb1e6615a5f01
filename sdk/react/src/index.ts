// What `@vitrine/react` exports.
// biome-ignore-all lint/performance/noBarrelFile: a package has one entry, and says in it what is public
export { ConsolePanel, type ConsolePanelProps } from "./console-panel.js";
export type { Device, Size } from "./devices.js";
export {
  type UseDraft,
  type UsePresence,
  type UsePreviewEvents,
  type UsePublish,
  type UseSession,
  type UseTemplates,
  useDraft,
  usePresence,
  usePreviewEvents,
  usePublish,
  useSession,
  useTemplates,
} from "./hooks.js";
export { useVitrine, VitrineProvider, type VitrineProviderProps } from "./provider.js";
export { PublishButton, type PublishButtonProps } from "./publish-button.js";
export type { Language, Texts } from "./texts.js";
export {
  type UseWorkspace,
  type UseWorkspaceOptions,
  useWorkspace,
  type Workspace,
} from "./use-workspace.js";
export { WorkspacePreview, type WorkspacePreviewProps } from "./workspace-preview.js";
