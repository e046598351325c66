/** The versions of the CLI whose wire protocol Nox knows. */
export const SUPPORTED = '>=2.1.295';

/** The version in what `claude --version` prints ("2.1.329 (Claude Code)"), or null. */
export const parseVersion = (output: string): string | null => /^\s*v?(\d+\.\d+\.\d+)\b/.exec(output)?.[1] ?? null;

/** A sentence for people when this version is not one that Nox supports, else null. */
export function versionWarning(version: string | null): string | null {
  if (version === null) {
    return `The Claude CLI did not tell its version; Nox supports ${SUPPORTED}. Agents may not work.`;
  }
  if (isAtLeast(version, SUPPORTED.slice(2))) return null;
  return `Claude CLI ${version} is older than Nox supports (${SUPPORTED}): agents may not start, or fail later. Update it with "npm install -g @anthropic-ai/claude-code".`;
}

function isAtLeast(version: string, least: string): boolean {
  const [have, need] = [version, least].map((text) => text.split('.').map(Number));
  for (let n = 0; n < 3; n += 1) {
    const difference = (have?.[n] ?? 0) - (need?.[n] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
