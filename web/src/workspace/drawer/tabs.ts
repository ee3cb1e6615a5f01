// The drawer's tabs, in their order, and their names in the URL.

export const DRAWER_TABS = ["problems", "console", "network", "server", "build", "terminal"] as const;
export type DrawerTab = (typeof DRAWER_TABS)[number];

export function drawerTabOf(name: string | null): DrawerTab | undefined {
  return DRAWER_TABS.find((tab) => tab === name);
}
