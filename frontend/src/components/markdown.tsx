import { memo } from 'react';
import ReactMarkdown, { type Components } from 'react-markdown';
import remarkGfm from 'remark-gfm';
import { revealed } from '../lib/hidden-characters.js';
import { ExactText } from './exact-text.js';

/** The address as it will be opened, with hosts in their plain ASCII form; undefined when it should not be opened at all. */
function safeAddress(href: string | undefined): string | undefined {
  if (href === undefined || !/^(https?|mailto):/i.test(href)) return undefined;
  try {
    return new URL(href).href;
  } catch {
    return undefined;
  }
}

const COMPONENTS: Components = {
  a: ({ href, children }) => {
    const address = safeAddress(href);
    if (address === undefined) {
      return (
        <span>
          {children}{' '}
          {href !== undefined && href !== '' && (
            <span className="link-address">
              (<ExactText text={href} />)
            </span>
          )}
        </span>
      );
    }
    const same = typeof children === 'string' && (children === address || `${children}/` === address);
    return (
      <span>
        <a href={address} target="_blank" rel="noopener noreferrer">
          {children}
        </a>
        {!same && <span className="link-address"> ({address})</span>}
      </span>
    );
  },
  // An image is loaded from wherever an agent says, and tells that it was read: it stays text.
  img: ({ src, alt }) => (
    <span className="image-text">
      [image{alt === undefined || alt === '' ? '' : `: ${alt}`}
      {typeof src === 'string' && src !== '' && <span className="link-address"> ({src})</span>}]
    </span>
  ),
  input: ({ checked }) => <span className="mono">{checked === true ? '[x]' : '[ ]'}</span>,
  pre: ({ children }) => (
    <pre className="code" tabIndex={0}>
      {children}
    </pre>
  ),
  table: ({ children }) => (
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Table">
      <table>{children}</table>
    </div>
  ),
};

/** Markdown written by an agent: no raw HTML, no images, links with their whole address, nothing that deceives the eye. */
export const Markdown = memo(function Markdown({ text }: { readonly text: string }) {
  return (
    <div className="markdown" dir="auto">
      <ReactMarkdown remarkPlugins={[remarkGfm]} components={COMPONENTS} urlTransform={(url) => url}>
        {revealed(text)}
      </ReactMarkdown>
    </div>
  );
});
