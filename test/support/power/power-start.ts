import { join } from 'node:path';
import { fakeAgent } from '../fake-agent.js';
import { NoxServer } from '../nox-server.js';
import { brokenInJournal, type Held, REGISTRY } from './promises.js';

/** Starts a whole Nox on what a loss of power left, has it work, and says what does not. `agents`: their transcripts. */
export async function brokenAfterStart(
  root: string,
  agents: string,
  promised: ReadonlyMap<string, Held>,
): Promise<string[]> {
  const places = { NOX_HOME: join(root, 'nox'), NOX_REGISTRY_PATH: join(root, REGISTRY), FAKE_AGENT_HOME: agents };
  try {
    await using nox = await NoxServer.start({ env: { ...places, NOX_LOG_LEVEL: 'error' } });
    const care = await nox.call('registry_verify');
    const broken = care.problems.map((problem) => `R1: after a start: ${problem}`);
    const { emergency_stop } = await nox.call('system_status');
    if (emergency_stop !== null) await nox.call('system_emergency_clear');
    // A new one: what the old ones said to each other is not on this disk, and goes on behind the loss.
    await nox.call('agents_create', { body: fakeAgent('after') });
    const { text } = await nox.call('agents_prompt', {
      params: { id: 'after' },
      body: { content: 'say works', wait: true },
    });
    if (text !== 'works') broken.push(`after a start a prompt answers "${text}"`);
    await nox.kill('SIGKILL');
    return [...broken, ...brokenInJournal(root, promised)];
  } catch (error) {
    return [`M2, R1: does not start: ${error instanceof Error ? error.message : String(error)}`];
  }
}
