// Markdown as React elements: no HTML strings, so an answer can never bring markup or scripts of its own.
import { type MarkedToken, marked, type Token, type Tokens } from "marked";
import { Fragment, type ReactNode } from "react";

interface MarkdownProps {
  text: string;
  /** Draws a citation mark such as `[1]`; without it the mark stays text. */
  citation?: (ref: string) => ReactNode;
}

type Citation = MarkdownProps["citation"];

export function Markdown({ text, citation }: MarkdownProps) {
  return <>{renderTokens(marked.lexer(text), citation)}</>;
}

function renderTokens(tokens: Token[] | undefined, citation: Citation): ReactNode[] {
  return (tokens ?? []).map((token, index) => (
    // Streamed text only grows at its end, so a token's place is a stable key.
    <Fragment key={index}>{renderToken(token as MarkedToken, citation)}</Fragment>
  ));
}

function renderToken(token: MarkedToken, citation: Citation): ReactNode {
  switch (token.type) {
    case "heading":
      // The page and the question above already use the first two levels.
      return token.depth <= 3 ? (
        <h3>{renderTokens(token.tokens, citation)}</h3>
      ) : (
        <h4>{renderTokens(token.tokens, citation)}</h4>
      );
    case "paragraph":
      return <p>{renderTokens(token.tokens, citation)}</p>;
    case "blockquote":
      return <blockquote>{renderTokens(token.tokens, citation)}</blockquote>;
    case "list":
      return renderList(token, citation);
    case "code":
      return (
        <pre tabIndex={0}>
          <code>{token.text}</code>
        </pre>
      );
    case "table":
      return renderTable(token, citation);
    case "hr":
      return <hr />;
    case "br":
      return <br />;
    case "strong":
      return <strong>{renderTokens(token.tokens, citation)}</strong>;
    case "em":
      return <em>{renderTokens(token.tokens, citation)}</em>;
    case "del":
      return <del>{renderTokens(token.tokens, citation)}</del>;
    case "codespan":
      return <code>{token.text}</code>;
    case "link":
      return renderLink(token, citation);
    case "text":
      return token.tokens ? renderTokens(token.tokens, citation) : renderText(token.text, citation);
    case "escape":
      return token.text;
    case "image":
      return token.text;
    case "html":
      return token.raw;
    default:
      return null;
  }
}

function renderList(list: Tokens.List, citation: Citation): ReactNode {
  const items = list.items.map((item, index) => <li key={index}>{renderTokens(item.tokens, citation)}</li>);
  return list.ordered ? <ol start={list.start === "" ? undefined : list.start}>{items}</ol> : <ul>{items}</ul>;
}

function renderTable(table: Tokens.Table, citation: Citation): ReactNode {
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Table">
      <table>
        <thead>
          <tr>
            {table.header.map((cell, column) => (
              <th key={column} scope="col">
                {renderTokens(cell.tokens, citation)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column}>{renderTokens(cell.tokens, citation)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Only web and mail addresses become links; anything else (`javascript:` above all) stays text. */
function renderLink(link: Tokens.Link, citation: Citation): ReactNode {
  const children = renderTokens(link.tokens, citation);
  if (!/^(https?:|mailto:)/i.test(link.href)) return children;
  return (
    <a href={link.href} target="_blank" rel="noreferrer">
      {children}
    </a>
  );
}

function renderText(text: string, citation: Citation): ReactNode {
  if (!citation) return text;
  return text.split(/\s*\[(\d{1,2})\]/).map((part, index) =>
    // Splitting by a captured group leaves the references at the odd places.
    index % 2 === 1 ? <Fragment key={index}>{citation(part)}</Fragment> : part,
  );
}
