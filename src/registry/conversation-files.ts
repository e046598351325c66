import { closeSync, constants, fstatSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Turn } from '../contracts/turn.js';
import { errnoOf } from '../shared/nox-error.js';
import { appendEntry, cutTornEntry } from './append-file.js';
import { CONVERSATION_HEAD, dayOf, formatTurn } from './record-text.js';

interface ConversationParts {
  readonly root: string;
  /** Size at which a day's conversation goes on in a second file. */
  readonly max_file_bytes: number;
  /** Told of what a power cut had torn off a file, when that was cut. */
  readonly cut: (path: string, torn_bytes: number) => void;
}

/**
 * The conversation of each agent, a file a day. Contract: a turn is in its file when `append` resolves, and on the disk
 * after the next `sync`: the journal has it meanwhile. Turns of one agent are appended one after another.
 */
export class ConversationFiles {
  /** Which part of the day each agent is at. */
  private readonly at = new Map<string, { readonly day: string; readonly part: number }>();
  /** Files whose end has been looked at since the start. */
  private readonly checked = new Set<string>();
  private readonly unsynced = new Set<string>();

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

  /** Puts what was appended on the disk. */
  async sync(): Promise<void> {
    for (const path of this.unsynced) {
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
        throw error;
      }
    }
  }

  /** Whether the files of its day hold the turn. */
  async holds({ id, agent_id, ended_at, queued_at }: Turn): Promise<boolean> {
    for (let part = 1; ; part += 1) {
      const path = join(this.parts.root, pathOf(agent_id, dayOf(ended_at ?? queued_at), part));
      const text = await readFile(path, 'utf8').catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw error;
      });
      if (text === undefined) return false;
      if (text.includes(`[[turns]]\nturn_id = "${id}"\n`)) return true;
    }
  }

  /** The first of this Nox into a file, which may be new, or torn. False when it is full. */
  private async appendFirst(path: string, entry: string): Promise<boolean> {
    const { root, max_file_bytes, cut } = this.parts;
    const full = join(root, path);
    const { torn_bytes, bytes } = await cutTornEntry(full, 'turns');
    if (torn_bytes > 0) cut(path, torn_bytes);
    this.checked.add(path);
    if (bytes >= max_file_bytes) return false;
    await appendEntry(full, CONVERSATION_HEAD, entry);
    return true;
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

const pathOf = (agent_id: string, day: string, part: number): string =>
  `agents/${agent_id}/conversations/${part === 1 ? day : `${day}-${part}`}.toml`;
