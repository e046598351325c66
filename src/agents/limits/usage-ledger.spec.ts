import { describe, expect, it } from '@jest/globals';
import type { ResourceUsageFile } from '../../contracts/resources.js';
import type { RegistryService } from '../../registry/registry.service.js';
import { ManualClock } from '../../shared/clock.js';
import { UsageLedger } from './usage-ledger.js';

type Agents = ResourceUsageFile['agents'];
const MIB = 2 ** 20;
const DAY_MS = 86_400_000;
const NOON = new Date(2026, 10, 21, 12).getTime();
const SPENT = { turns: 3, input_tokens: 10, output_tokens: 5, cost_usd: 0.5 };
const NONE = { turns: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 };

function ledger(found: Agents | Error = {}) {
  const clock = new ManualClock(NOON);
  const saved: Agents[] = [];
  const warnings: string[] = [];
  const record = {
    readResourceUsage: async () => {
      if (found instanceof Error) throw found;
      return found;
    },
    saveResourceUsage: async (agents: Agents) => void saved.push(agents),
  };
  const book = new UsageLedger({ record } as unknown as RegistryService, clock);
  book.warn = (message) => warnings.push(message);
  return { book, clock, saved, warnings };
}

describe('UsageLedger', () => {
  it('sums by agent and day, in whole seconds, and goes on where an earlier one ended', async () => {
    const { book, clock, saved } = ledger({ lead: { '2026-11-21': { cpu_s: 7, peak_memory_mb: 90, ...NONE } } });
    await book.start();
    book.spent = (id) => (id === 'lead' ? [{ day: '2026-11-21', ...SPENT }] : []);
    for (const mb of [80, 120, 100]) book.add('lead', { cpu_s: 0.4, memory_bytes: mb * MIB });
    book.add('other', { cpu_s: 0.9, memory_bytes: 50 * MIB });
    clock.advance(59_999);
    expect(saved).toEqual([]);
    clock.advance(1);
    expect(saved).toEqual([
      {
        lead: { '2026-11-21': { cpu_s: 8, peak_memory_mb: 120, ...SPENT } },
        other: { '2026-11-21': { cpu_s: 0, peak_memory_mb: 50, ...NONE } },
      },
    ]);
  });

  it('closes a day with what its turns used until midnight', async () => {
    const { book, clock, saved } = ledger();
    await book.start();
    book.add('lead', { cpu_s: 5, memory_bytes: MIB });
    clock.advance(DAY_MS);
    book.add('lead', { cpu_s: 2, memory_bytes: 2 * MIB });
    book.spent = () => [
      { day: '2026-11-22', ...NONE },
      { day: '2026-11-21', ...SPENT },
    ];
    await book.save();
    expect(saved.at(-1)?.['lead']).toEqual({
      '2026-11-21': { cpu_s: 5, peak_memory_mb: 1, ...SPENT },
      '2026-11-22': { cpu_s: 2, peak_memory_mb: 2, ...NONE },
    });
  });

  it('keeps a month', async () => {
    const { book, clock, saved } = ledger();
    await book.start();
    for (let day = 0; day < 60; day += 1) {
      book.add('lead', { cpu_s: 1, memory_bytes: MIB });
      clock.advance(DAY_MS);
    }
    await book.save();
    expect(Object.keys(saved.at(-1)?.['lead'] ?? {})).toHaveLength(30);
    clock.advance(40 * DAY_MS);
    await book.save();
    expect(saved.at(-1)).toEqual({});
  });

  it('saves for the last time when it is closed, and never again', async () => {
    const { book, clock, saved } = ledger();
    await book.start();
    book.add('lead', { cpu_s: 1, memory_bytes: MIB });
    await book.close();
    expect(saved).toHaveLength(1);
    clock.advance(DAY_MS);
    expect(saved).toHaveLength(1);
  });

  it('begins anew when the file cannot be read, and says so', async () => {
    const { book, saved, warnings } = ledger(new Error('torn'));
    await book.start();
    expect(warnings).toEqual(['resource-usage.toml cannot be read and begins anew']);
    await book.save();
    expect(saved).toEqual([]);
    book.add('lead', { cpu_s: 1, memory_bytes: MIB });
    await book.close();
    expect(saved).toHaveLength(1);
  });
});
