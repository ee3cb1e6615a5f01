// A research desk of four panes: outline, conversation, sources, and the source being read.
import { useState } from "react";
import { ChatPane } from "./components/ChatPane";
import { LayoutShell, type Overlay } from "./components/LayoutShell";
import { Outline } from "./components/Outline";
import { SourceList } from "./components/SourceList";
import { SourceViewer } from "./components/SourceViewer";
import { sampleTurns } from "./content/sample";
import { useDisplayName } from "./lib/runtime/use-display-name";
import { useChat } from "./lib/runtime/use-chat";

export function App() {
  const name = useDisplayName("Atlas Desk");
  const chat = useChat();
  const [draft, setDraft] = useState("");
  const [turnId, setTurnId] = useState<string | null>(null);
  const [openRef, setOpenRef] = useState<string | null>(null);
  const [overlay, setOverlay] = useState<Overlay>(null);
  const turn = chat.turns.find((candidate) => candidate.id === turnId) ?? chat.turns.at(-1);
  const sources = turn?.sources ?? [];
  const openSource = sources.find((source) => source.ref === openRef);

  function read(ofTurn: string, ref: string) {
    setTurnId(ofTurn);
    setOpenRef(ref);
    setOverlay(null);
  }

  function select(id: string) {
    setTurnId(id);
    setOpenRef(null);
    setOverlay(null);
    document.getElementById(id)?.scrollIntoView({ block: "start" });
  }

  function ask(question: string) {
    chat.send(question, openSource && { open_source: openSource.title });
    setDraft("");
    setTurnId(null);
    setOpenRef(null);
  }

  function clear() {
    chat.replace([]);
    setOpenRef(null);
    setOverlay(null);
  }

  return (
    <LayoutShell
      title={name}
      sourceCount={sources.length}
      overlay={overlay}
      onOverlayChange={setOverlay}
      outline={<Outline name={name} turns={chat.turns} currentId={turn?.id ?? null} onSelect={select} onClear={clear} />}
      chat={
        <ChatPane
          heading="Start with a question. Keep the sources open."
          turns={chat.turns}
          isBusy={chat.isBusy}
          draft={draft}
          onDraftChange={setDraft}
          onAsk={ask}
          onStop={chat.stop}
          onRetry={chat.retry}
          onRead={read}
          onShowSample={() => chat.replace(sampleTurns)}
        />
      }
      sources={
        <SourceList sources={sources} openRef={openRef} onOpen={(ref) => turn && read(turn.id, ref)} />
      }
      viewer={
        openSource && (
          <SourceViewer source={openSource} isSample={turn?.isSample ?? false} onClose={() => setOpenRef(null)} />
        )
      }
    />
  );
}
