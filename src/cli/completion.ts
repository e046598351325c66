/** The words that may follow a command, as `agent add`; the empty path is `nox` itself. */
export interface CommandWords {
  readonly path: string;
  readonly words: readonly string[];
}

/** A script for one shell that completes commands and options. */
export function completionScript(shell: 'bash' | 'zsh' | 'fish', commands: readonly CommandWords[]): string {
  if (shell === 'fish') return fish(commands);
  // zsh reads bash's scripts through its own loader.
  return shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}` : bash(commands);
}

function bash(commands: readonly CommandWords[]): string {
  const cases = commands.map(({ path, words }) => `    "${path}") words="${words.join(' ')}" ;;`);
  return `_nox() {
  local path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  # Arguments are no commands: what they follow decides.
  while :; do
    case "$path" in
${cases.map((line) => `  ${line}`).join('\n')}
      *" "*) path="\${path% *}"; continue ;;
      *) path=""; continue ;;
    esac
    break
  done
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _nox nox
`;
}

function fish(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap(({ path, words }) => {
    const seen = path.split(' ').filter((word) => word !== '');
    const next = words.filter((word) => !word.startsWith('-'));
    const conditions = seen.map((word) => `__fish_seen_subcommand_from ${word}`);
    if (next.length > 0) conditions.push(`not __fish_seen_subcommand_from ${next.join(' ')}`);
    const condition = conditions.length === 0 ? '' : ` -n "${conditions.join('; and ')}"`;
    const options = words.filter((word) => word.startsWith('--'));
    return [
      ...(next.length > 0 ? [`complete -c nox -f${condition} -a "${next.join(' ')}"`] : []),
      ...options.map((word) => `complete -c nox${condition} -l ${word.slice(2)}`),
    ];
  });
  return `${lines.join('\n')}\n`;
}
