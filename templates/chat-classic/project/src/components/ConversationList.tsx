// The left pane: start, find, open and remove conversations. On a phone it slides over the dialogue.
import { useState } from "react";
import type { Conversation } from "../lib/conversations";
import { titleOf } from "../lib/conversations";
import { Icon } from "./Icon";

interface ConversationListProps {
  appName: string;
  conversations: Conversation[];
  currentId: string;
  isOpen: boolean;
  onClose: () => void;
  onSelect: (id: string) => void;
  onStart: () => void;
  onRemove: (id: string) => void;
}

export function ConversationList(props: ConversationListProps) {
  const [query, setQuery] = useState("");
  const found = props.conversations.filter((conversation) =>
    titleOf(conversation).toLowerCase().includes(query.trim().toLowerCase()),
  );

  return (
    <>
      {props.isOpen && (
        <div className="fixed inset-0 z-10 bg-black/40 md:hidden" aria-hidden="true" onClick={props.onClose} />
      )}
      <nav
        aria-label="Conversations"
        onKeyDown={(event) => event.key === "Escape" && props.onClose()}
        className={`${props.isOpen ? "flex" : "hidden"} fixed inset-y-0 left-0 z-20 w-72 flex-col border-r border-line bg-side md:static md:flex`}
      >
        <div className="flex items-center justify-between px-5 pt-5 pb-4">
          <span className="flex items-center gap-2.5 text-[0.95rem] font-semibold tracking-tight">
            <span className="grid size-7 place-items-center rounded-lg bg-accent text-on-accent">
              <Icon name="page" className="size-4" />
            </span>
            {props.appName}
          </span>
          <button type="button" className="rounded-lg p-1.5 md:hidden" aria-label="Hide conversations" onClick={props.onClose}>
            <Icon name="close" />
          </button>
        </div>
        <div className="space-y-2 px-3">
          <button
            type="button"
            onClick={props.onStart}
            className="flex w-full items-center gap-2.5 rounded-lg border border-line bg-paper px-3 py-2 text-sm font-medium transition-colors hover:border-accent"
          >
            <Icon name="plus" className="size-4" />
            New conversation
          </button>
          <label className="flex items-center gap-2.5 rounded-lg px-3 py-2 text-sm text-muted focus-within:outline-2 focus-within:outline-accent">
            <Icon name="search" className="size-4" />
            <span className="sr-only">Search conversations</span>
            <input
              type="search"
              value={query}
              placeholder="Search"
              onChange={(event) => setQuery(event.target.value)}
              className="w-full bg-transparent text-ink outline-none placeholder:text-muted"
            />
          </label>
        </div>
        <ul className="mt-3 flex-1 space-y-0.5 overflow-y-auto px-3 pb-4">
          {found.map((conversation) => (
            <ConversationItem
              key={conversation.id}
              title={titleOf(conversation)}
              isCurrent={conversation.id === props.currentId}
              onSelect={() => props.onSelect(conversation.id)}
              onRemove={() => props.onRemove(conversation.id)}
            />
          ))}
          {found.length === 0 && <li className="px-3 py-2 text-sm text-muted">Nothing found for “{query}”.</li>}
        </ul>
        <p className="border-t border-line px-5 py-4 text-xs leading-5 text-muted">
          Conversations are kept in this browser only.
        </p>
      </nav>
    </>
  );
}

interface ConversationItemProps {
  title: string;
  isCurrent: boolean;
  onSelect: () => void;
  onRemove: () => void;
}

function ConversationItem({ title, isCurrent, onSelect, onRemove }: ConversationItemProps) {
  return (
    <li className={`group flex items-center rounded-lg ${isCurrent ? "bg-line/70" : "hover:bg-line/40"}`}>
      <button
        type="button"
        onClick={onSelect}
        aria-current={isCurrent ? "page" : undefined}
        className="min-w-0 flex-1 truncate rounded-lg px-3 py-2 text-left text-sm"
      >
        {title}
      </button>
      <button
        type="button"
        onClick={onRemove}
        aria-label={`Remove “${title}”`}
        className="mr-1 rounded-md p-1.5 text-muted opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 hover:text-ink pointer-coarse:opacity-100"
      >
        <Icon name="trash" className="size-4" />
      </button>
    </li>
  );
}
