import { constants, type Stats } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentId } from '../contracts/ids.js';
import { errnoOf } from '../shared/nox-error.js';
import { MAX_FILE_BYTES } from './document/parse.js';

export type FileRead =
  | { readonly kind: 'text'; readonly text: string; readonly mtime_ms: number }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly why: string };

// Opens nothing that is a link, and does not wait for the other end of a pipe.
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The agent whose tasks a file of the folder holds; undefined for other files. */
export function agentOf(name: string): string | undefined {
  const id = name.endsWith('.md') ? name.slice(0, -3) : '';
  return AgentId.safeParse(id).success ? id : undefined;
}

/**
 * Reads a plain file of the folder and nothing else: no links, pipes, devices, folders, and no more than a task file may
 * hold. Never waits for anybody.
 */
export async function readTaskFile(folder: string, name: string): Promise<FileRead> {
  try {
    // A folder that is a link would lead every file in it outside.
    if (!(await lstat(folder)).isDirectory()) return { kind: 'refused', why: 'the folder tasks is no folder' };
    const file = await open(join(folder, name), FLAGS);
    try {
      const stats = await file.stat();
      const why = objection(stats);
      if (why !== undefined) return { kind: 'refused', why };
      const buffer = Buffer.alloc(stats.size + 1);
      let length = 0;
      for (let read = -1; read !== 0 && length < buffer.length; length += read)
        read = (await file.read(buffer, length, buffer.length - length, length)).bytesRead;
      return { kind: 'text', text: decoder.decode(buffer.subarray(0, length)), mtime_ms: stats.mtimeMs };
    } finally {
      await file.close();
    }
  } catch (error) {
    const why = refusalOf(error);
    if (errnoOf(error) === 'ENOENT') return { kind: 'missing' };
    if (why !== undefined) return { kind: 'refused', why };
    throw error;
  }
}

function objection(stats: Stats): string | undefined {
  if (!stats.isFile()) return 'is no plain file';
  return stats.size > MAX_FILE_BYTES ? `is larger than ${MAX_FILE_BYTES} bytes` : undefined;
}

function refusalOf(error: unknown): string | undefined {
  switch (errnoOf(error)) {
    case 'ELOOP':
      return 'is a link; Nox follows none here';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read';
    case 'ENXIO':
    case 'ENODEV':
      return 'is no plain file';
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'is not UTF-8';
    default:
      return undefined;
  }
}

/** Names of the task files there are; at most so many that a flooded folder stops nobody. */
export async function taskFileNames(folder: string, at_most = 10_000): Promise<string[]> {
  try {
    if (!(await lstat(folder)).isDirectory()) return [];
    return (await readdir(folder)).filter((name) => agentOf(name) !== undefined).slice(0, at_most);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
