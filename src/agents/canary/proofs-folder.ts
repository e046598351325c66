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
  return sharedProofs(env) ?? join(home, 'gate-proofs');
}

/** The folder that several Nox share: an agent that could write there could vouch for any CLI. */
export function sharedProofs(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const folder = env['NOX_GATE_PROOFS'];
  return folder?.startsWith('/') === true ? folder : undefined;
}
