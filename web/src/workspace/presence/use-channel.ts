// The app's channel: what others do comes in at once, and where this person is goes out. Without it the page asks now and
// then, as before.
import { useQueryClient } from "@tanstack/react-query";
import { type PreviewEvent, readPreviewEvent } from "@vitrine/client/bridge";
import { type Channel, type ChannelMessage, openChannel, type Person } from "@vitrine/client/channel";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { SessionView } from "../../api/types";
import type { DraftSync } from "../draft/draft-sync";
import { setClientId } from "./client-id";
import { othersOf } from "./people";

export interface Presence {
  /** Everybody else who has the app open. */
  people: readonly Person[];
  /** False while what others do is only seen now and then. */
  isLive: boolean;
  /** Tells the others in which line this person is, from 1; may be called with every key. */
  setLine: (line: number) => void;
}

/** `file` is the one this person looks at, or empty; `onPreview` hears what previews of the app tell. */
export function useChannel(
  app: string,
  draft: DraftSync,
  file: string,
  onPreview: (events: readonly PreviewEvent[]) => void,
): Presence {
  const queryClient = useQueryClient();
  const preview = useRef(onPreview);
  preview.current = onPreview;
  const channel = useRef<Channel>(undefined);
  const [people, setPeople] = useState<readonly Person[]>([]);
  const [isLive, setLive] = useState(false);

  useEffect(() => {
    const readAnew = () => {
      draft.refresh();
      for (const kind of ["app", "publishes", "releases", "revisions"]) {
        void queryClient.invalidateQueries({ queryKey: [kind, app] });
      }
    };
    const onMessage = (message: ChannelMessage) => {
      if (message.type === "hello") {
        setClientId(app, message.client_id);
        setPeople(othersOf(message.presence, message.client_id));
        draft.noticeVersion(message.version);
      } else if (message.type === "presence") {
        setPeople(othersOf(message.people, opened.clientId));
      } else if (message.type === "draft") {
        draft.noticeVersion(message.version);
      } else if (message.type === "session") {
        queryClient.setQueryData<SessionView>(["session", app], (known) => withNews(known, message.session));
      } else if (message.type === "publish") {
        void queryClient.invalidateQueries({ queryKey: ["publishes", app] });
      } else if (message.type === "preview") {
        const event = readPreviewEvent(message.event);
        if (event) preview.current([event]);
      } else if (message.type === "gap") {
        readAnew();
      }
    };
    const opened = openChannel({
      url: `/v1/apps/${encodeURIComponent(app)}/channel`,
      onMessage,
      onState: (state) => {
        setLive(state === "open");
        if (state === "open") return;
        setClientId(app, undefined);
        setPeople([]);
      },
    });
    channel.current = opened;
    return () => {
      opened.close();
      setClientId(app, undefined);
    };
  }, [app, draft, queryClient]);

  useEffect(() => {
    channel.current?.setPresence(file === "" ? {} : { file });
  }, [file]);
  const setLine = useCallback(
    (line: number) => {
      if (file !== "") channel.current?.setPresence({ file, line });
    },
    [file],
  );
  return useMemo(() => ({ people, isLive, setLine }), [people, isLive, setLine]);
}

/** The session as it is known here with what is new; its preview's address is not told by the channel. */
function withNews(known: SessionView | undefined, news: object): SessionView | undefined {
  return known && { ...known, ...news, preview_url: known.preview_url };
}
