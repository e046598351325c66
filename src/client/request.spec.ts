import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ROUTES } from '../contracts/routes.js';
import { backoffMs, delay, urlOf } from './request.js';

const base = 'http://127.0.0.1:3000';

describe(urlOf.name, () => {
  it('puts api routes under /api/v1 and root routes at the root', () => {
    expect(urlOf(`${base}/`, ROUTES.agents_list, {})).toBe(`${base}/api/v1/agents`);
    expect(urlOf(base, ROUTES.health, {})).toBe(`${base}/health`);
  });

  it('leaves undefined query fields out and writes the others', () => {
    const query = { status: 'busy', capability: undefined, page: 2, follow: false };
    expect(urlOf(base, ROUTES.agents_list, { query })).toBe(`${base}/api/v1/agents?status=busy&page=2&follow=false`);
  });

  it('never lets a parameter change the route', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('.', '/', '?', '#', '%', '2', 'e', 'a', '\\') }), (id) => {
        fc.pre(!['', '.', '..'].includes(id));
        const { pathname, search, hash } = new URL(urlOf(base, ROUTES.agents_status, { params: { id } }));
        expect(pathname.split('/')).toHaveLength(6);
        expect(pathname.endsWith('/status')).toBe(true);
        expect(search + hash).toBe('');
      }),
    );
    for (const id of ['', '.', '..', undefined]) {
      expect(() => urlOf(base, ROUTES.agents_get, { params: { id } })).toThrow(TypeError);
    }
  });
});

describe(backoffMs.name, () => {
  it('stays between half and the whole of a doubling step, up to the limit', () => {
    expect(backoffMs(0, 0)).toBe(100);
    expect(backoffMs(2, 1)).toBe(800);
    expect(backoffMs(50, 1)).toBe(10_000);
  });
});

describe(delay.name, () => {
  it('ends with the reason of the signal, before and while it waits', async () => {
    await expect(delay(60_000, AbortSignal.abort('gone'))).rejects.toBe('gone');
    const abort = new AbortController();
    const waiting = delay(60_000, abort.signal);
    abort.abort('enough');
    await expect(waiting).rejects.toBe('enough');
  });
});
