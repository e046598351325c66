import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** In what two folders differ: names, and what files hold. */
export function differences(one: string, other: string): string[] {
  const [left, right] = [filesOf(one), filesOf(other)];
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((name) => {
    const [a, b] = [left.get(name), right.get(name)];
    if (a === undefined || b === undefined) return [`${name} is only in ${a === undefined ? other : one}`];
    return a === 'folder' || b === 'folder' ? (a === b ? [] : [name]) : a.equals(b) ? [] : [`${name} differs`];
  });
}

function filesOf(root: string): Map<string, Buffer | 'folder'> {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return new Map(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(root.length + 1), entry.isDirectory() ? 'folder' : readFileSync(path)];
    }),
  );
}
