/** What a read-only command looks at: paths, relative to the current folder. */
export type ReadOnly = { readonly paths: readonly string[] } | null;

/**
 * Answers which paths a plain command reads, or null unless the table below knows program and every option as read-only.
 * It is a list of what is allowed: an option that nobody thought of asks.
 */
export function readOnlyPaths(words: readonly string[]): ReadOnly {
  const [program = '', ...args] = words;
  if (program === 'git') return gitPaths(args);
  // Only printing lines by number; every other script may write or run something.
  if (program === 'sed' && args[0] === '-n' && /^\d+(,[\d$]+)?p$/.test(args[1] ?? ''))
    return check(args.slice(2), { options: NOTHING, rest: 'paths' });
  const rule = PROGRAMS.get(program);
  return rule === undefined ? null : check(args, rule);
}

interface Rule {
  /** Options that stand alone. */
  readonly options: RegExp;
  /** Options that take the next word, and what that word may be. */
  readonly valued?: Readonly<Record<string, RegExp>>;
  /** What the words that are no options are. */
  readonly rest: 'paths' | 'text' | RegExp;
  /** Reads the current folder when no path is named. */
  readonly here?: boolean;
  /** This many words before the rest are text, no paths. */
  readonly texts?: number;
}

function check(args: readonly string[], rule: Rule): ReadOnly {
  const paths: string[] = [];
  let texts = rule.texts ?? 0;
  let only_rest = false;
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? '';
    if (!only_rest && arg === '--') {
      only_rest = true;
    } else if (!only_rest && arg.startsWith('-')) {
      const value = Object.hasOwn(rule.valued ?? {}, arg) ? rule.valued?.[arg] : undefined;
      if (value !== undefined) {
        at += 1;
        if (!value.test(args[at] ?? '')) return null;
      } else if (!rule.options.test(arg)) return null;
    } else if (texts > 0) {
      texts -= 1;
    } else if (rule.rest === 'paths') {
      if (arg === '') return null;
      paths.push(arg);
    } else if (rule.rest !== 'text' && !rule.rest.test(arg)) return null;
  }
  return { paths: rule.here === true && paths.length === 0 ? ['.'] : paths };
}

const NOTHING = /(?!)/;
const COUNT = /^[+-]?\d{1,12}[kKMG]?$/;
const TEXT = /^[^%]*$/;

const lines: Rule = {
  options: /^-(\d{1,9}|[qv]+|[nc][+-]?\d{1,12}[kKMG]?)$|^--(quiet|silent|verbose|(lines|bytes)=[+-]?\d{1,12}[kKMG]?)$/,
  valued: { '-n': COUNT, '-c': COUNT, '--lines': COUNT, '--bytes': COUNT },
  rest: 'paths',
};

const PROGRAMS: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['true', { options: NOTHING, rest: NOTHING }],
  ['pwd', { options: /^-[LP]$/, rest: NOTHING }],
  ['whoami', { options: NOTHING, rest: NOTHING }],
  ['uname', { options: /^-[asnrvmpio]+$|^--all$/, rest: NOTHING }],
  ['which', { options: /^-a$/, rest: /^[\w.+-]+$/ }],
  ['echo', { options: /^/, rest: 'text' }],
  // Any other word sets the clock.
  ['date', { options: /^-([uR]|I(date|hours|minutes|seconds|ns)?)$|^--(utc|iso-8601(=\w+)?)$/, rest: /^\+/ }],
  [
    'ls',
    {
      options:
        /^-[aAbBcdFgGhHiklLmnNopqQrRsStuUvxXZ1]+$|^--(all|almost-all|directory|human-readable|inode|recursive|reverse|size|full-time|group-directories-first|color(=\w+)?|sort=\w+|time=\w+|time-style=[\w-]+)$/,
      rest: 'paths',
      here: true,
    },
  ],
  [
    'cat',
    {
      options: /^-[AbeEnstTuv]+$|^--(show-all|number|number-nonblank|squeeze-blank|show-ends|show-tabs)$/,
      rest: 'paths',
    },
  ],
  ['head', lines],
  ['tail', lines],
  ['wc', { options: /^-[clmwL]+$|^--(lines|words|bytes|chars|max-line-length)$/, rest: 'paths' }],
  [
    'stat',
    {
      options: /^-[Lftx]+$|^--(dereference|file-system|terse|(format|printf)=.*)$/,
      valued: { '-c': /^/ },
      rest: 'paths',
    },
  ],
  ['file', { options: /^-[bihLN]+$|^--(brief|mime|mime-type|mime-encoding)$/, rest: 'paths' }],
  [
    'du',
    {
      options:
        /^-[abchHklmsxS]+$|^-d\d{1,3}$|^--(all|apparent-size|bytes|total|human-readable|summarize|max-depth=\d{1,3})$/,
      valued: { '-d': /^\d{1,3}$/ },
      rest: 'paths',
      here: true,
    },
  ],
  [
    'grep',
    {
      options:
        /^-[abcEFGhHiIlLnoqrRsTuUvwxz]+$|^-[ABCm]\d{1,6}$|^--(count|extended-regexp|fixed-strings|ignore-case|line-number|files-with-matches|files-without-match|only-matching|quiet|recursive|invert-match|word-regexp|with-filename|no-filename|no-messages|color(=\w+)?|(context|max-count|before-context|after-context)=\d{1,6}|(include|exclude|exclude-dir)=[\w.*/-]+)$/,
      valued: { '-A': COUNT, '-B': COUNT, '-C': COUNT, '-m': COUNT },
      texts: 1,
      rest: 'paths',
      here: true,
    },
  ],
  ['sort', { options: /^-[bdfghiMnRrsuVcz]+$|^-(k|t).{1,12}$|^--(reverse|unique|numeric-sort)$/, rest: 'paths' }],
  // A second word is written to.
  ['uniq', { options: /^-[cdDiuz]+$|^-[fsw]\d{1,6}$/, rest: NOTHING }],
  ['cut', { options: /^-[bcdfszn].{0,60}$|^--(delimiter|fields|characters)=.{1,60}$/, rest: 'paths' }],
  ['tr', { options: /^-[cCdst]+$/, rest: 'text' }],
  ['nl', { options: /^-b[atn]$/, rest: 'paths' }],
  ['basename', { options: NOTHING, rest: 'text' }],
  ['dirname', { options: NOTHING, rest: 'text' }],
  ['realpath', { options: /^-[emqs]+$/, rest: 'paths' }],
  [
    'tree',
    {
      options: /^-[adfhilpsDQ]+$|^-L\d{0,2}$/,
      valued: { '-L': COUNT, '-I': /^[\w.*|-]+$/ },
      rest: 'paths',
      here: true,
    },
  ],
  [
    'diff',
    {
      options: /^-[abBcdeEinNqrstTuwyZ]+$|^-[UC]\d{1,4}$|^--(brief|unified(=\d+)?|recursive|side-by-side)$/,
      rest: 'paths',
    },
  ],
  ['cmp', { options: /^-[bls]+$/, rest: 'paths' }],
  ['md5sum', { options: NOTHING, rest: 'paths' }],
  ['sha256sum', { options: NOTHING, rest: 'paths' }],
  [
    'find',
    {
      options:
        /^-(type|name|iname|path|ipath|maxdepth|mindepth|size|mtime|mmin|newer|empty|not|o|a|and|or|print|print0|prune|perm|user|group|regex)$/,
      rest: 'paths',
      here: true,
      valued: {
        '-type': /^[fdl]$/,
        '-name': /^/,
        '-iname': /^/,
        '-path': /^/,
        '-ipath': /^/,
        '-maxdepth': COUNT,
        '-mindepth': COUNT,
        '-size': /^[+-]?\d+[ckMGb]?$/,
        '-mtime': /^[+-]?\d+$/,
        '-mmin': /^[+-]?\d+$/,
      },
    },
  ],
  [
    'df',
    { options: /^-[ahHiklmPT]+$|^--(all|human-readable|inodes|local|print-type|total)$/, rest: 'paths', here: true },
  ],
]);

// `%G…` in a format runs the signature checker that the repository's settings name.
const GIT_SHOWING =
  /^-(p|u|s|w|b|z|R|M|C|D|U\d{1,4}|\d{1,6}|n\d{1,6})$|^--(oneline|patch|no-patch|stat|shortstat|numstat|summary|dirstat|name-only|name-status|raw|cached|staged|graph|all|branches|tags|remotes|reverse|merges|no-merges|first-parent|follow|full-history|date-order|topo-order|left-right|cherry-pick|merge-base|exit-code|quiet|minimal|patience|histogram|check|no-color|no-ext-diff|no-textconv|no-renames|find-renames|ignore-all-space|ignore-space-change|ignore-blank-lines|abbrev-commit|no-abbrev-commit|relative-date|color-words|word-diff|no-notes|no-decorate|decorate|color|decorate=\w+|color=\w+|word-diff=\w+|date=[\w:-]+|diff-filter=\w+|unified=\d{1,4}|max-count=\d{1,6}|skip=\d{1,6}|abbrev=\d{1,2}|(since|until|after|before|author|committer|grep)=[^%]*|(format|pretty)=([^%]|%[^G])*)$/;
const git_showing: Rule = {
  options: GIT_SHOWING,
  valued: { '-n': COUNT, '--since': TEXT, '--until': TEXT, '--author': TEXT, '--grep': TEXT, '-S': TEXT, '-G': TEXT },
  rest: 'paths',
  here: true,
};

const GIT: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  [
    'status',
    {
      options:
        /^-(s|b|sb|bs|z|v|uno|unormal|uall|u)$|^--(short|branch|long|verbose|ignored|show-stash|ahead-behind|no-ahead-behind|porcelain(=v[12])?|untracked-files=(no|normal|all))$/,
      rest: 'paths',
      here: true,
    },
  ],
  ['log', git_showing],
  ['show', git_showing],
  ['diff', git_showing],
]);
// Without --list, a name would make a branch.
const git_branches: Rule = {
  options: /^-(a|r|v|vv|av|rv|avv)$|^--(list|all|remotes|verbose|show-current|no-color|color(=\w+)?)$/,
  rest: NOTHING,
  here: true,
};

function gitPaths(args: readonly string[]): ReadOnly {
  const [sub = '', ...rest] = args[0] === '--no-pager' ? args.slice(1) : args;
  if (sub === 'branch') {
    if (rest.length === 0) return { paths: ['.'] };
    return check(rest, rest[0] === '--list' ? { ...git_branches, rest: /^[\w./-]+$/ } : git_branches);
  }
  const rule = GIT.get(sub);
  const found = rule === undefined ? null : check(rest, rule);
  // Git looks for its repository from the current folder, whatever else is named.
  return found === null ? null : { paths: ['.', ...found.paths] };
}
