import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MountPoints } from './mount-points.js';

describe('MountPoints', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nox-points-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('stand as long as anybody holds them', () => {
    const points = new MountPoints();
    const paths = [join(folder, 'a'), join(folder, 'missing', 'b')];
    points.hold(paths);
    points.hold(paths);
    points.release(paths);
    expect(readdirSync(folder)).toEqual(['a']);
    points.release(paths);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leave what is there, and what has come into it', () => {
    const points = new MountPoints();
    const [file, made] = [join(folder, 'file'), join(folder, 'made')];
    writeFileSync(file, 'kept');
    points.hold([file, made]);
    writeFileSync(join(made, 'x'), '');
    points.release([file, made]);
    expect([existsSync(file), existsSync(join(made, 'x'))]).toEqual([true, true]);
  });
});
