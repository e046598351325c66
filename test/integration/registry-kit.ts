import { execFile } from 'node:child_process';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { AgentConfig } from '../../src/contracts/agent.js';
import type { Actor } from '../../src/contracts/auth.js';
import { RegistryService } from '../../src/registry/registry.service.js';
import { ManualClock } from '../../src/shared/clock.js';

export const ADMIN: Actor = { name: 'admin', role: 'admin', request_id: 'req_1' };
export const TEMPLATE = join(import.meta.dirname, '../../registry-template');

export const agentConfig = (over: Partial<AgentConfig> = {}): AgentConfig => ({
  name: 'Lead',
  system_prompt: 'You plan.\nYou review.\n',
  runtime: 'claude',
  desired_state: 'inactive',
  capabilities: ['planning'],
  priority: 'medium',
  mcp_services: [],
  created_at: '2026-01-01T00:00:00.000Z',
  last_modified: '2026-01-01T00:00:00.000Z',
  ...over,
});

/** A registry in a folder of its own, the clock that it runs on, and plain git to look at it from outside. */
export class Kit {
  readonly clock = new ManualClock();
  readonly warnings: { message: string; fields: object }[] = [];
  private readonly opened: RegistryService[] = [];

  private constructor(readonly base: string) {}

  /** `in_memory`: on a file system without a disk where there is one, for kills that no disk has to outlive. */
  static async make(where: 'on_disk' | 'in_memory' = 'on_disk'): Promise<Kit> {
    return new Kit(await mkdtemp(join(where === 'in_memory' ? await roomInMemory() : tmpdir(), 'nox-registry-')));
  }

  get root(): string {
    return join(this.base, '.nox-registry');
  }

  async open(): Promise<RegistryService> {
    const warn = (message: string, fields: object): unknown => this.warnings.push({ message, fields });
    const registry = await RegistryService.open({ path: this.root, template_path: TEMPLATE, clock: this.clock, warn });
    this.opened.push(registry);
    return registry;
  }

  async git(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)('git', ['-C', this.root, ...args], {
      env: { PATH: process.env['PATH'] ?? '', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
    });
    return stdout.trim();
  }

  async remove(): Promise<void> {
    await Promise.all(this.opened.map((registry) => registry.close()));
    await rm(this.base, { recursive: true, force: true });
  }
}

const MEMORY = '/dev/shm';
const ROOM_BYTES = 512 * 1024 * 1024;

/** A kill loses nothing that was written, flushed or not; flushing thousands of times is most of what such a test waits for. */
async function roomInMemory(): Promise<string> {
  const found = await statfs(MEMORY).catch(() => undefined);
  return found !== undefined && found.bavail * found.bsize > ROOM_BYTES ? MEMORY : tmpdir();
}
