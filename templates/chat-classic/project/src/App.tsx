// Two panes: the conversations kept in this browser, and the one that is open.
import { useState } from "react";
import { ConversationList } from "./components/ConversationList";
import { Dialogue } from "./components/Dialogue";
import { Icon } from "./components/Icon";
import { useConversations } from "./lib/use-conversations";
import { useDisplayName } from "./lib/runtime/use-display-name";

export function App() {
  const name = useDisplayName("Harbour");
  const conversations = useConversations();
  const [isListOpen, setIsListOpen] = useState(false);

  return (
    <div className="flex h-dvh overflow-hidden">
      <ConversationList
        appName={name}
        conversations={conversations.all}
        currentId={conversations.current.id}
        isOpen={isListOpen}
        onClose={() => setIsListOpen(false)}
        onSelect={(id) => {
          conversations.select(id);
          setIsListOpen(false);
        }}
        onStart={() => {
          conversations.start();
          setIsListOpen(false);
        }}
        onRemove={conversations.remove}
      />
      <div className="flex min-w-0 flex-1 flex-col">
        <header className="flex h-14 shrink-0 items-center gap-3 border-b border-line px-4 md:hidden">
          <button
            type="button"
            className="-ml-2 rounded-lg p-2"
            aria-label="Show conversations"
            aria-expanded={isListOpen}
            onClick={() => setIsListOpen(true)}
          >
            <Icon name="menu" />
          </button>
          <span className="font-semibold">{name}</span>
        </header>
        <Dialogue
          key={conversations.current.id}
          conversationId={conversations.current.id}
          initialTurns={conversations.current.turns}
          onSave={conversations.save}
          greeting="What would you like to know?"
        />
      </div>
    </div>
  );
}
