import { NoxError } from './nox-error.js';

type Deed = { readonly kind: 'kill' | 'throw' | 'enospc' } | { readonly kind: 'sleep'; readonly delay_ms: number };

interface Armed {
  readonly deed: Deed;
  /** Which hit it is for; each one when not said. */
  readonly nth: number | undefined;
  hits: number;
}

const SPEC = /^([a-z]+(?:\.[a-z]+)+)=(kill|throw|enospc|sleep:(\d+))(?:@(\d+))?$/;

let armed: ReadonlyMap<string, Armed> = new Map();

/**
 * Sets what happens at named places, as `name=kill`, `name=throw`, `name=enospc` or `name=sleep:MS`, each with `@n` for
 * the n-th hit only, joined by commas. For tests of what a crash leaves behind. Throws VALIDATION_ERROR for other words.
 */
export function armFailpoints(text: string | undefined): void {
  const specs = (text ?? '').split(',').filter((spec) => spec.trim() !== '');
  armed = new Map(specs.map((spec) => parse(spec.trim())));
}

/**
 * A place at which a test may let Nox die, fail or wait. Nothing at all unless it was armed; then `kill` ends Nox as
 * kill -9 does, `throw` and `enospc` reject.
 */
export function failpoint(name: string): Promise<void> | undefined {
  const point = armed.get(name);
  return point === undefined ? undefined : hit(name, point);
}

async function hit(name: string, point: Armed): Promise<void> {
  point.hits += 1;
  if (point.nth !== undefined && point.hits !== point.nth) return;
  switch (point.deed.kind) {
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      await new Promise<never>(() => undefined);
      return;
    case 'throw':
      throw new Error(`failpoint ${name}`);
    case 'enospc':
      throw Object.assign(new Error(`ENOSPC: no space left on device, failpoint ${name}`), { code: 'ENOSPC' });
    case 'sleep': {
      const { delay_ms } = point.deed;
      await new Promise((resolve) => setTimeout(resolve, delay_ms));
    }
  }
}

function parse(spec: string): [string, Armed] {
  const [, name, word, ms, nth] = SPEC.exec(spec) ?? [];
  if (name === undefined || word === undefined) {
    throw new NoxError('VALIDATION_ERROR', `NOX_FAILPOINTS: "${spec}" is not name=kill|throw|enospc|sleep:MS[@n].`);
  }
  const deed: Deed =
    word === 'kill' || word === 'throw' || word === 'enospc' ? { kind: word } : { kind: 'sleep', delay_ms: Number(ms) };
  return [name, { deed, nth: nth === undefined ? undefined : Number(nth), hits: 0 }];
}
