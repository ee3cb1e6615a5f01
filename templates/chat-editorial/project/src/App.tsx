// A small journal: the front page asks, every answer is an article, and the issue lists them.
import { useState } from "react";
import { Article } from "./components/Article";
import { AskLine } from "./components/AskLine";
import { Contents } from "./components/Contents";
import { Masthead } from "./components/Masthead";
import { type TextSize, TextSizeControl } from "./components/TextSizeControl";
import { sampleTurns } from "./content/sample";
import { useDisplayName } from "./lib/runtime/use-display-name";
import { useChat } from "./lib/runtime/use-chat";

export function App() {
  const name = useDisplayName("The Long Answer");
  const chat = useChat();
  const [draft, setDraft] = useState("");
  const [openId, setOpenId] = useState<string | null>(null);
  const [textSize, setTextSize] = useState<TextSize>("regular");
  const article = chat.turns.find((turn) => turn.id === openId) ?? chat.turns.at(-1);

  function ask() {
    chat.send(draft);
    setDraft("");
    setOpenId(null);
    window.scrollTo({ top: 0 });
  }

  const askLine = { draft, isBusy: chat.isBusy, onDraftChange: setDraft, onSubmit: ask, onStop: chat.stop };

  return (
    <div className="mx-auto max-w-5xl px-6 pb-24 lg:px-10">
      <div className="reading-progress" aria-hidden="true" />
      <Masthead name={name} onFrontPage={() => chat.replace([])}>
        {article && <TextSizeControl value={textSize} onChange={setTextSize} />}
      </Masthead>
      {article ? (
        <main>
          <Article turn={article} textSize={textSize} onRetry={chat.retry} />
          <div className="mt-16 max-w-[38rem]">
            <AskLine {...askLine} label="Ask a follow-up" placeholder="And what came of it?" />
          </div>
          <Contents turns={chat.turns} openId={article.id} onOpen={setOpenId} />
        </main>
      ) : (
        <main className="pt-16 md:pt-24">
          <h1 className="max-w-[14ch] text-5xl leading-[1.05] font-[380] tracking-tight text-balance md:text-7xl">
            Ask a question worth a page.
          </h1>
          <p className="mt-6 max-w-[34rem] text-xl leading-8 text-muted">
            You get an article, not a chat: a headline, a few minutes of reading, and every claim with its source in the
            margin.
          </p>
          <div className="mt-14 max-w-[38rem]">
            <AskLine {...askLine} label="Your question" placeholder="Why do cities plant so many plane trees?" />
          </div>
          <p className="mt-12 text-lg text-muted">
            Or{" "}
            <button
              type="button"
              className="text-ink underline decoration-accent underline-offset-4"
              onClick={() => chat.replace(sampleTurns)}
            >
              read a sample article
            </button>{" "}
            first.
          </p>
        </main>
      )}
    </div>
  );
}
