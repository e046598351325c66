/**
 * Which of these prompts a session's transcript holds, by the uuids under which they were sent: as a prompt of its own, or
 * as one that was steered into a turn. A prompt that only stood in the CLI's queue is not held. Pure; torn lines are skipped.
 */
export function promptsIn(transcript: string, uuids: readonly string[]): Set<string> {
  const found = new Set<string>();
  for (const line of transcript.split('\n')) {
    if (!uuids.some((uuid) => line.includes(uuid))) continue;
    const entry = parse(line);
    const uuid = entry?.type === 'user' ? entry.uuid : entry?.attachment?.source_uuid;
    if (uuid !== undefined && uuids.includes(uuid)) found.add(uuid);
  }
  return found;
}

interface Entry {
  readonly type?: string;
  readonly uuid?: string;
  readonly attachment?: { readonly source_uuid?: string };
}

function parse(line: string): Entry | undefined {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return undefined; // torn by a kill, so nothing that the CLI will read either
  }
}
