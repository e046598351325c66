import * as z from 'zod';
import type { PullProgress } from '../../contracts/service.js';

const Line = z.object({
  id: z.string(),
  status: z.string(),
  progressDetail: z.object({ current: z.number().optional(), total: z.number().optional() }).optional(),
});

const DONE = new Set(['Pull complete', 'Already exists']);
const LAYER = /^[0-9a-f]{12}$/;

/** Half of a layer is its download, half its extraction. */
const HALF: Readonly<Record<string, number>> = { Downloading: 0, 'Download complete': 0.5, Extracting: 0.5 };

/** Turns the engine's lines about layers into one percentage, told only when a whole percent is new. */
export class PullMeter {
  private readonly layers = new Map<string, number>();
  private told = -1;

  /** Undefined when there is nothing new to tell. */
  take(raw: object): PullProgress | undefined {
    const line = Line.safeParse(raw);
    if (!line.success || !LAYER.test(line.data.id)) return undefined;
    const { id, status, progressDetail = {} } = line.data;
    const { current = 0, total = 0 } = progressDetail;
    const share = total > 0 ? Math.min(1, current / total) / 2 : 0;
    const done = DONE.has(status)
      ? 1
      : (HALF[status] ?? 0) + (status in HALF && status !== 'Download complete' ? share : 0);
    this.layers.set(id, Math.max(done, this.layers.get(id) ?? 0));
    const values = [...this.layers.values()];
    const percent = Math.floor((values.reduce((sum, value) => sum + value, 0) / values.length) * 100);
    if (percent <= this.told) return undefined;
    this.told = percent;
    return { layers: values.length, layers_done: values.filter((value) => value === 1).length, percent };
  }
}
