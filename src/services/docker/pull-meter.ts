import * as z from 'zod';
import type { PullProgress } from '../../contracts/service.js';

const Line = z.object({
  id: z.string(),
  status: z.string(),
  progressDetail: z.object({ current: z.number().optional(), total: z.number().optional() }).optional(),
});

const EXISTS = 'Already exists';
const DONE = new Set(['Pull complete', EXISTS]);
const LAYER = /^[0-9a-f]{12}$/;

/** Half of a layer is its download, half its extraction. */
const HALF: Readonly<Record<string, number>> = { Downloading: 0, 'Download complete': 0.5, Extracting: 0.5 };

type Detail = NonNullable<z.output<typeof Line>['progressDetail']>;

interface Layer {
  /** 0 to 1. */
  readonly done: number;
  readonly loaded: number;
  /** Undefined until the engine says it; 0 for what need not be fetched. */
  readonly size: number | undefined;
}

/** Turns the engine's lines about layers into one progress, told only when a whole percent is new. */
export class PullMeter {
  private readonly layers = new Map<string, Layer>();
  private told = -1;

  /** Undefined when there is nothing new to tell. */
  take(raw: object): PullProgress | undefined {
    const line = Line.safeParse(raw);
    if (!line.success || !LAYER.test(line.data.id)) return undefined;
    const { id, status, progressDetail = {} } = line.data;
    this.layers.set(id, after(this.layers.get(id), status, progressDetail));
    const layers = [...this.layers.values()];
    const percent = Math.floor(shareOf(layers) * 100);
    if (percent <= this.told) return undefined;
    this.told = percent;
    const sizes = layers.map(({ size = 0 }) => size);
    const known = sizes.some((size) => size > 0);
    return {
      layers: layers.length,
      layers_done: layers.filter(({ done }) => done === 1).length,
      percent,
      bytes: known ? sum(layers.map(({ loaded }) => loaded)) : null,
      bytes_total: known ? sum(sizes) : null,
    };
  }
}

function after(before: Layer | undefined, status: string, detail: Detail): Layer {
  const { current = 0, total = 0 } = detail;
  const share = total > 0 ? Math.min(1, current / total) / 2 : 0;
  const moves = status in HALF && status !== 'Download complete';
  const done = DONE.has(status) ? 1 : (HALF[status] ?? 0) + (moves ? share : 0);
  const size = status === EXISTS ? 0 : status === 'Downloading' && total > 0 ? total : before?.size;
  const loaded = done >= 0.5 ? (size ?? 0) : status === 'Downloading' ? Math.min(current, size ?? 0) : 0;
  return { done: Math.max(done, before?.done ?? 0), loaded: Math.max(loaded, before?.loaded ?? 0), size };
}

/** By bytes once the size of each layer is known, else by layers alone. */
function shareOf(layers: readonly Layer[]): number {
  const by_bytes = layers.every(({ size }) => size !== undefined) && layers.some(({ size = 0 }) => size > 0);
  const weights = layers.map(({ size }) => (by_bytes ? (size ?? 0) : 1));
  return sum(layers.map(({ done }, n) => done * (weights[n] ?? 0))) / sum(weights);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
