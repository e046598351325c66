import { Fragment } from 'react';
import { pieces } from '../lib/hidden-characters.js';
import { programsOf, shellTokens } from '../lib/shell-tokens.js';

/** Text as it is: what would be invisible or would turn the reading direction is shown by its code. */
export function ExactText({ text }: { readonly text: string }) {
  return pieces(text).map((piece, i) =>
    piece.hidden ? (
      // The pieces of one text have no other identity than their place.
      <mark key={i} className="hidden-character" title={`${piece.name}, ${piece.code}`}>
        <span className="visually-hidden">{piece.name}, </span>
        {piece.code}
      </mark>
    ) : (
      <Fragment key={i}>{piece.text}</Fragment>
    ),
  );
}

/** A shell command, coloured by its parts, byte for byte. */
export function ShellText({ command }: { readonly command: string }) {
  return shellTokens(command).map(({ kind, text }, i) => (
    <span key={i} className={`sh-${kind}`}>
      <ExactText text={text} />
    </span>
  ));
}

/** The programs a command names, one chip each. */
export function ProgramChips({ command }: { readonly command: string }) {
  return (
    <span className="row-wrap">
      {programsOf(command).map((program) => (
        <span key={program} className="chip mono">
          <ExactText text={program} />
        </span>
      ))}
    </span>
  );
}
