import { join } from 'node:path';

/**
 * Where proofs are kept: in `.nox`, which agents cannot see. NOX_GATE_PROOFS names another folder, so that several Nox
 * on one machine need not prove the same binary each; it is hidden from agents as `.nox` is.
 */
export function proofsFolder({
  home,
  env,
}: {
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}): string {
  const shared = env['NOX_GATE_PROOFS'];
  return shared?.startsWith('/') === true ? shared : join(home, 'gate-proofs');
}
