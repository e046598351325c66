import fc from 'fast-check';
import { buildWriter } from '../../support/registry-crash.js';
import { STEPS } from '../../support/registry-steps.js';
import { Difference, World } from '../../support/registry-world.js';
import { makeTempDir } from '../../support/temp-dir.js';
import { type LongReport, type Say, secondsSince } from './report.js';

export interface RegistryModelOptions {
  /** Steps in all, about. */
  readonly steps: number;
  /** A seed and a path, as a failure prints them, make the same history again. */
  readonly seed: number;
  readonly path?: string | undefined;
  readonly say: Say;
}

const STEPS_OF_ONE = 60;

/**
 * RELIABILITY R2: histories at random (writes alone and at once, edits by hand that fit, do not fit, wait, or come from an
 * old version, rollbacks and undos, branches, switches, merges, crashes and restarts) on a real registry, each step held
 * against a model in memory.
 */
export async function runRegistryModel({ steps, seed, path, say }: RegistryModelOptions): Promise<LongReport> {
  const began = performance.now();
  await using folder = await makeTempDir('nox-registry-model-');
  const program = await buildWriter(folder.path);
  const figures: Record<string, number> = {};
  const histories = Math.max(1, Math.round(steps / STEPS_OF_ONE));
  let done = 0;
  const property = fc.asyncProperty(
    fc.commands(STEPS, { maxCommands: 3 * STEPS_OF_ONE, size: 'max' }),
    async (commands) => {
      const { model, real } = await World.make(program, figures);
      try {
        await fc.asyncModelRun(() => ({ model, real }), commands);
        if (model.unseen !== undefined) {
          await real.registry.refresh();
          await real.learnAll(model, [model.unseen]);
          model.unseen = undefined;
        }
        await real.story(model);
      } finally {
        await real.end();
      }
      done += 1;
      if (done % 10 === 0) say(`${done} of ${histories} histories, ${figures['checks'] ?? 0} steps checked`);
    },
  );
  const result = await fc.check(property, {
    numRuns: histories,
    seed,
    endOnFailure: true,
    ...(path === undefined ? {} : { path }),
  });
  const violations = result.failed
    ? [
        `seed ${result.seed}, path ${result.counterexamplePath}: ${why(result.errorInstance)}\n${fc.stringify(result.counterexample)}`,
      ]
    : [];
  return { seed, histories: done, took_s: secondsSince(began), steps: figures, violations };
}

const why = (error: unknown): string =>
  error instanceof Difference ? error.message : ((error as Error).stack ?? String(error));
