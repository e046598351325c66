import { lstatSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { Injectable } from '@nestjs/common';
import { errnoOf } from '../shared/nox-error.js';
import { absolute, type Resolve } from './paths.js';

/** Where paths really lead on this machine. */
@Injectable()
export class RealPaths {
  /**
   * Follows symbolic links as both a shell and a program that tidies paths first would; null when the two differ, when
   * a link leads nowhere, or when the file system does not say. What does not exist yet lies in its nearest real folder.
   */
  from(cwd: string): Resolve {
    return (path) => {
      if (path.includes('\0')) return null;
      const tilde = /^~(?=\/|$)/.exec(path);
      if (path.startsWith('~') && tilde === null) return null;
      const named = tilde === null ? path : `${homedir()}${path.slice(1)}`;
      const walked = follow(named.startsWith('/') ? named : `${cwd}/${named}`);
      return walked === follow(absolute(named, cwd)) ? walked : null;
    };
  }
}

function follow(path: string): string | null {
  // The native call goes through `..` as the kernel does; Node's own would fold it away first.
  const parts = path.split('/').filter(Boolean);
  for (let kept = parts.length; kept >= 0; kept -= 1) {
    const base = `/${parts.slice(0, kept).join('/')}`;
    try {
      const rest = parts.slice(kept).filter((part) => part !== '.');
      const real = realpathSync.native(base);
      return rest.includes('..') ? null : `/${[...real.split('/').filter(Boolean), ...rest].join('/')}`;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || exists(base)) return null;
    }
  }
  return null;
}

/** True for a link that leads nowhere: writing through it makes its target. */
function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
