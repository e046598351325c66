import { describe, expect, it } from '@jest/globals';
import { StateAxis } from './state-axis.js';

describe(StateAxis.name, () => {
  it('keeps the time of the change and takes the newest confirmation', () => {
    const axis = new StateAxis<'idle' | 'working'>('idle', 'recovery', 1);
    expect(axis.see('working', 'prompt', 5)).toBe(true);
    expect(axis.see('working', 'prompt receipt', 9)).toBe(false);
    expect(axis).toMatchObject({ value: 'working', since_ms: 5, observed: { source: 'prompt receipt', at_ms: 9 } });
  });

  it('begins with where it was found', () => {
    const axis = new StateAxis('stopped', 'recovery', 3);
    expect(axis).toMatchObject({ value: 'stopped', since_ms: 3, observed: { source: 'recovery', at_ms: 3 } });
  });
});
