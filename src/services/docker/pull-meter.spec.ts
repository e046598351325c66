import { describe, expect, it } from '@jest/globals';
import { PullMeter } from './pull-meter.js';

const [A, B] = ['aaaaaaaaaaaa', 'bbbbbbbbbbbb'];
const line = (id: string, status: string, current?: number, total?: number) => ({
  id,
  status,
  ...(current === undefined ? {} : { progressDetail: { current, total } }),
});

describe('the meter of a pull', () => {
  it('counts bytes where the engine tells them, and weighs layers by them', () => {
    const meter = new PullMeter();
    expect(meter.take(line(A, 'Pulling fs layer'))).toMatchObject({ layers: 1, percent: 0, bytes: null });
    expect(meter.take(line(B, 'Already exists'))).toMatchObject({ layers: 2, layers_done: 1, percent: 50 });
    const other = new PullMeter();
    expect(other.take(line(A, 'Downloading', 300, 900))).toMatchObject({ bytes: 300, bytes_total: 900, percent: 16 });
    expect(other.take(line(B, 'Downloading', 100, 100))).toMatchObject({ bytes: 400, bytes_total: 1000, percent: 20 });
    expect(other.take(line(A, 'Download complete'))).toMatchObject({ bytes: 1000, bytes_total: 1000, percent: 50 });
    expect(other.take(line(B, 'Pull complete'))).toMatchObject({ layers_done: 1, percent: 55 });
    expect(other.take(line(A, 'Extracting', 450, 900))).toMatchObject({ bytes: 1000, percent: 77 });
    expect(other.take(line(A, 'Pull complete'))).toMatchObject({ layers_done: 2, percent: 100, bytes_total: 1000 });
  });

  it('never goes back, and says nothing of other lines', () => {
    const meter = new PullMeter();
    const told = [
      line(A, 'Downloading', 90, 100),
      line(B, 'Pulling fs layer'),
      line(B, 'Downloading', 1, 10_000),
      line('latest', 'Pulling from a/b'),
      line(A, 'Download complete'),
      line(A, 'Pull complete'),
      line(B, 'Pull complete'),
    ].flatMap((each) => meter.take(each)?.percent ?? []);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(told.at(-1)).toBe(100);
  });

  it('counts layers alone where the engine tells no bytes', () => {
    const meter = new PullMeter();
    meter.take(line(A, 'Pulling fs layer'));
    meter.take(line(B, 'Pulling fs layer'));
    expect(meter.take(line(A, 'Pull complete'))).toMatchObject({ percent: 50, bytes: null, bytes_total: null });
  });
});
