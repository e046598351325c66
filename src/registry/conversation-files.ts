import { closeSync, constants, fstatSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Turn } from '../contracts/turn.js';
import { errnoOf } from '../shared/nox-error.js';
import { appendEntry, cutFile, cutTornEntry } from './append-file.js';
import { CONVERSATION_HEAD, dayOf, formatTurn } from './record-text.js';
import { parseToml } from './toml/toml.js';

interface ConversationParts {
  readonly root: string;
  /** Size at which a day's conversation goes on in a second file. */
  readonly max_file_bytes: number;
  /** Told of what a power cut had torn off a file, when that was cut. */
  readonly cut: (path: string, torn_bytes: number) => void;
}

/** What a file holds: the turns, and the one at its end that a loss of power has cut at the end of a line. */
interface Held {
  readonly ids: ReadonlySet<string>;
  readonly half: { readonly id: string; readonly at_byte: number } | undefined;
}

const HEADER = '[[turns]]\n';
/** No text can look like it: a bracket that begins a line of one is written as an escape. */
const ENTRY = /^\[\[turns\]\]\nturn_id = "([^"\n]+)"$/gm;

/**
 * The conversation of each agent, a file a day. Contract: a turn is in its file when `append` resolves, and on the disk
 * after the next `sync`, which covers also what a `finder` has found: the journal has it meanwhile. Turns of one agent are
 * appended one after another.
 */
export class ConversationFiles {
  /** Which part of the day each agent is at. */
  private readonly at = new Map<string, { readonly day: string; readonly part: number }>();
  /** Files whose end has been looked at since the start. */
  private readonly checked = new Set<string>();
  private readonly unsynced = new Set<string>();
  /** A flush was refused: the system tells that once, and may have thrown the pages away. */
  private has_doubt = false;

  constructor(private readonly parts: ConversationParts) {}

  /** Answers the file. A write that fails leaves it as it was. */
  async append(turn: Turn): Promise<string> {
    const { agent_id } = turn;
    const day = dayOf(turn.ended_at ?? turn.queued_at);
    const known = this.at.get(agent_id);
    const entry = formatTurn(turn);
    for (let part = known?.day === day ? known.part : 1; ; part += 1) {
      const path = pathOf(agent_id, day, part);
      this.at.set(agent_id, { day, part });
      const written = this.checked.has(path) ? this.appendSoon(path, entry) : 'missing';
      if (written === 'written' || (written === 'missing' && (await this.appendFirst(path, entry)))) return path;
    }
  }

  /** Puts what was appended on the disk. False when not all of it is there for sure; rejects when the disk refuses it now. */
  async sync(): Promise<boolean> {
    // Those of this instant: turns go on ending while the disk works.
    const paths = [...this.unsynced];
    for (const path of paths) {
      this.unsynced.delete(path);
      try {
        const file = await open(join(this.parts.root, path), constants.O_RDONLY | constants.O_NOFOLLOW);
        try {
          await file.datasync();
        } finally {
          await file.close();
        }
      } catch (error) {
        // Who took it away meant to.
        if (errnoOf(error) === 'ENOENT') continue;
        this.unsynced.add(path);
        this.has_doubt = true;
        throw error;
      }
    }
    return !this.has_doubt;
  }

  /**
   * Answers of each turn whether it is in a file of its day, whole; a half is cut off. Reads each file once, so it is for
   * one go through many turns before any is appended.
   */
  finder(): (turn: Turn) => Promise<boolean> {
    const known = new Map<string, Promise<Held | undefined>>();
    return async ({ id, agent_id, ended_at, queued_at }) => {
      for (let part = 1; ; part += 1) {
        const path = pathOf(agent_id, dayOf(ended_at ?? queued_at), part);
        const held = known.get(path) ?? this.examine(path);
        known.set(path, held);
        const { ids, half } = (await held) ?? {};
        if (ids === undefined) return false;
        if (half?.id === id) {
          await cutFile(join(this.parts.root, path), half.at_byte);
          return false;
        }
        if (ids.has(id)) return true;
      }
    };
  }

  /** Undefined: there is no such file. */
  private async examine(path: string): Promise<Held | undefined> {
    const full = join(this.parts.root, path);
    await this.cutTorn(path);
    const text = await readFile(full, 'utf8').catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) return undefined;
    // An earlier Nox may have ended before it flushed.
    this.unsynced.add(path);
    const ids = new Set([...text.matchAll(ENTRY)].map(([, id = '']) => id));
    const last = text.lastIndexOf(`\n${HEADER}`) + 1;
    const [, id] = last === 0 ? [] : (/^turn_id = "([^"\n]+)"$/m.exec(text.slice(last)) ?? []);
    if (id === undefined || isWhole(text.slice(last))) return { ids, half: undefined };
    return { ids, half: { id, at_byte: Buffer.byteLength(text.slice(0, last - 1)) } };
  }

  /** The first of this Nox into a file, which may be new, or torn. False when it is full. */
  private async appendFirst(path: string, entry: string): Promise<boolean> {
    if ((await this.cutTorn(path)) >= this.parts.max_file_bytes) return false;
    await appendEntry(join(this.parts.root, path), CONVERSATION_HEAD, entry);
    return true;
  }

  /** Answers how many bytes are left. */
  private async cutTorn(path: string): Promise<number> {
    const { torn_bytes, bytes } = await cutTornEntry(join(this.parts.root, path), 'turns');
    if (torn_bytes > 0) this.parts.cut(path, torn_bytes);
    this.checked.add(path);
    return bytes;
  }

  /** Without waiting for the disk, and in one go: for each turn, a thread and five steps of the event loop cost more than this. */
  private appendSoon(path: string, entry: string): 'written' | 'full' | 'missing' {
    let file: number;
    try {
      file = openSync(join(this.parts.root, path), constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return 'missing';
      throw error;
    }
    try {
      const { size } = fstatSync(file);
      if (size === 0) return 'missing';
      if (size >= this.parts.max_file_bytes) return 'full';
      try {
        writeFileSync(file, entry);
      } catch (error) {
        ftruncateSync(file, size);
        throw error;
      }
      this.unsynced.add(path);
      return 'written';
    } finally {
      closeSync(file);
    }
  }
}

/** The last line of an entry says when its turn ended. */
function isWhole(entry: string): boolean {
  const { turns } = parseToml(entry) as { turns?: { ended_at?: unknown }[] };
  return turns?.[0]?.ended_at !== undefined;
}

const pathOf = (agent_id: string, day: string, part: number): string =>
  `agents/${agent_id}/conversations/${part === 1 ? day : `${day}-${part}`}.toml`;
