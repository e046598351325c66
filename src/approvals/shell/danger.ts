import { critical, type Finding, high, medium } from '../finding.js';
import { isSteering, isSystemPath, isTouchy } from '../paths.js';
import { DECODERS, FETCHERS, INTERPRETERS, PROGRAMS, SHELLS, WRAPPERS, WRITERS } from './programs.js';
import { type LooseCommand, readShell, type ShellReading } from './read-shell.js';

const MAX_COMMANDS = 50;
const MAX_NESTING = 4;
const KEYWORDS = /^(fi|done|esac|for|case|select|in|function|\]|\]\])$/;

/** Names what is risky in a command that is not plainly read-only. Never answers less than `medium`. */
export function dangersOf(command: string, reading: ShellReading): Finding[] {
  const found: Finding[] = [];
  for (const { what, hidden } of reading.unclear) {
    found.push((hidden ? high : medium)(`the command has ${what}, so Nox cannot be sure what it runs`));
  }
  found.push(...wholeText(command), ...reading.redirects.flatMap(redirect));
  const all = reading.commands.slice(0, MAX_COMMANDS);
  if (reading.commands.length > MAX_COMMANDS) found.push(high(`runs more than ${MAX_COMMANDS} commands at once`));
  for (const one of all) found.push(...judge(one, 0));
  found.push(...together(all));
  return found.length > 0 ? found : [medium('Nox does not know this command')];
}

function wholeText(command: string): Finding[] {
  const text = command.slice(0, 65_536);
  const found: Finding[] = [];
  if (/docker\.sock/i.test(text)) found.push(critical('gives control over the whole machine (Docker)'));
  if (/([\w:.]+)\s*\(\s*\)\s*\{[^}]{0,200}\1\s*\|\s*\1/.test(text.slice(0, 4096)))
    found.push(critical('is a fork bomb'));
  if (/\/dev\/(tcp|udp)\//.test(text)) found.push(high('opens a network connection'));
  if (/dangerously|bypasspermissions/i.test(text)) found.push(critical('switches safety checks off'));
  return found;
}

function redirect(target: string): Finding[] {
  if (/^\/dev\/(null|stdout|stderr|fd\/[0-2]|(tcp|udp)\/.*)$|^&?\d$|^&$/.test(target)) return [];
  if (isSteering(target)) return [critical(`writes ${target}, which steers Nox, git, the shell or Claude itself`)];
  if (isSystemPath(target)) return [critical(`writes to the files of the system: ${target}`)];
  return [medium(`writes to ${target}`)];
}

/** Fetching or decoding in one part and running in another. */
function together(commands: readonly LooseCommand[]): Finding[] {
  const found: Finding[] = [];
  const names = new Set(commands.flatMap(({ words }) => words.map(programOf)));
  const fed = commands.some(({ words, piped }) => piped && runsItsInput(words));
  const has = (set: ReadonlySet<string>): boolean => [...names].some((name) => set.has(name));
  const runs = fed || commands.some(({ words }) => SHELLS.has(programOf(words[0])) || programOf(words[0]) === 'eval');
  if (runs && has(FETCHERS)) found.push(critical('runs what it downloads'));
  else if (runs && has(DECODERS)) found.push(critical('runs code that it has hidden by encoding'));
  else if (fed) found.push(critical('feeds text to an interpreter, which runs it'));
  return found;
}

function runsItsInput(words: readonly string[]): boolean {
  return words.slice(0, 4).some((word, at) => {
    const program = programOf(word);
    if (SHELLS.has(program)) return true;
    // `python script.py` reads a file; `python` and `python -` run what they are fed.
    return INTERPRETERS.has(program.replace(/[\d.]+$/, '')) && /^(-|\/dev\/stdin)?$/.test(words[at + 1] ?? '');
  });
}

/** The bare name of a program, however it is spelt: `/bin/RM` is `rm`. */
const programOf = (word: string | undefined): string => (word ?? '').replace(/^.*\//, '').toLowerCase();

function judge(command: LooseCommand, nesting: number): Finding[] {
  const found: Finding[] = [];
  let words = command.words;
  while (/^\w+\+?=/.test(words[0] ?? '')) {
    const name = (words[0] ?? '').replace(/\+?=.*$/s, '');
    const steers = /^(PATH|LD_|DYLD_|GIT_|NODE_|PYTHON|PERL|RUBY|BASH_ENV|ENV$|PROMPT_COMMAND|PAGER|EDITOR|IFS)/.test(
      name,
    );
    found.push((steers ? high : medium)(`sets ${name} for what it runs`));
    words = words.slice(1);
  }
  const [first = '', ...args] = words;
  if (first === '' || KEYWORDS.test(first)) return found;
  const program = programOf(first);
  found.push(...mentions(program, args));
  if (/[$*?]|.\[/.test(first)) found.push(high('hides which program it runs'));
  const rule =
    PROGRAMS.get(program) ?? PROGRAMS.get(program.replace(/[\d.]+$/, '')) ?? PROGRAMS.get(program.split('.')[0] ?? '');
  if (rule !== undefined) found.push(...[rule(args)].flat());
  else found.push(medium(`runs ${program.slice(0, 60)}`));
  return nesting >= MAX_NESTING ? found : [...found, ...nested(program, args, nesting + 1)];
}

/** Paths that nobody touches by the way, whatever the program is. */
function mentions(program: string, args: readonly string[]): Finding[] {
  return args.flatMap((arg) => {
    if (WRITERS.has(program)) {
      if (isSteering(arg)) return [critical(`changes ${arg}, which steers Nox, git, the shell or Claude itself`)];
      if (isSystemPath(arg)) return [critical(`changes the files of the system: ${arg}`)];
    }
    return isTouchy(arg) ? [high(`touches ${arg.slice(0, 200)}, which looks like a secret or a safety setting`)] : [];
  });
}

/** Commands that are arguments of this one. */
function nested(program: string, args: readonly string[], nesting: number): Finding[] {
  const inner: LooseCommand[] = [];
  if (SHELLS.has(program) || program === 'eval') {
    const code = program === 'eval' ? args.join(' ') : args.filter((arg) => !arg.startsWith('-')).join(' ');
    inner.push(...readShell(code).commands);
  } else if (program === 'find' || program === 'fd') {
    args.forEach((arg, at) => {
      if (/^-(exec|execdir|ok|okdir|x|X)$/.test(arg)) inner.push({ words: args.slice(at + 1), piped: false });
    });
  } else if (WRAPPERS.has(program)) {
    // Which word is the program depends on the wrapper's options: each of the first few may be.
    args.slice(0, 8).forEach((arg, at) => {
      if (arg.includes(' ')) inner.push(...readShell(arg).commands);
      else if (!arg.startsWith('-') && PROGRAMS.has(programOf(arg)))
        inner.push({ words: args.slice(at), piped: false });
    });
  }
  const some = inner.slice(0, 20);
  return [...some.flatMap((one) => judge(one, nesting)), ...together(some)];
}
