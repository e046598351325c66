import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { mcpToolName } from '../agents/runtime/mcp-tool-name.js';
import { listedTools } from './offers.js';

const tool = (name: string, description = 'does it') => ({ name, description, input_schema: { type: 'object' } });
const names = (tools: ReturnType<typeof tool>[]) => listedTools('time', tools, null).map(({ name }) => name);

describe(listedTools.name, () => {
  it('passes on what a server offers', () => {
    const schema = { type: 'object', properties: { zone: { type: 'string' } } };
    expect(listedTools('time', [{ ...tool('now'), input_schema: schema }], null)).toEqual([
      { name: 'now', description: 'does it', inputSchema: schema },
    ]);
  });

  it('leaves out what a model could not name, or would take for another tool', () => {
    expect(names([tool('a.b'), tool('a_b'), tool('x'.repeat(200)), tool('ok')])).toEqual(['a.b', 'ok']);
  });

  it('says of each tool why it cannot be called now', () => {
    const [found] = listedTools('time', [tool('now')], 'its container ended');
    expect(found?.description).toBe('[Not available now: its container ended] does it');
  });

  it('never lets a server fill the context of an agent, or break its requests', () => {
    const hostile = fc.array(
      fc.record({
        name: fc.string({ maxLength: 300 }),
        description: fc.string({ maxLength: 5000 }),
        input_schema: fc.dictionary(fc.string(), fc.anything()),
      }),
      { maxLength: 300 },
    );
    fc.assert(
      fc.property(hostile, (tools) => {
        const listed = listedTools('time', tools, null);
        const full = listed.map(({ name }) => mcpToolName('time', name));
        expect(new Set(full).size).toBe(full.length);
        for (const name of full) expect(name).toMatch(/^[a-zA-Z0-9_-]{1,128}$/);
        for (const { description, inputSchema } of listed) {
          expect(description.length).toBeLessThanOrEqual(2048);
          expect(inputSchema.type).toBe('object');
        }
      }),
      { numRuns: 50 },
    );
  });
});
