import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { StatFiles } from './stat-files.js';

const onLinux = existsSync('/proc/self/stat') ? describe : describe.skip;
const openFiles = (): number => readdirSync('/proc/self/fd').length;

onLinux(StatFiles.name, () => {
  it('reads a living process again and again, and nothing once it is gone', async () => {
    const files = new StatFiles();
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const pid = child.pid ?? 0;
    expect(files.read(pid)).toMatch(new RegExp(`^${pid} \\(`));
    expect(files.read(pid)).toMatch(new RegExp(`^${pid} \\(`));
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    expect(files.read(pid)).toBeNull();
  });

  it('closes the files of those that nobody asks for any more', () => {
    const before = openFiles();
    const files = new StatFiles();
    files.read(process.pid);
    files.read(process.ppid);
    expect(openFiles()).toBe(before + 2);
    files.keepOnly(new Set([process.pid]));
    expect(openFiles()).toBe(before + 1);
    files.keepOnly(new Set());
    expect(openFiles()).toBe(before);
  });
});
