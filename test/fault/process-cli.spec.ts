import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createProcessHost } from '../../src/agents/process/native-process-host.js';
import type { Confinement } from '../../src/agents/process/process-host.js';
import { ClaudeRuntime } from '../../src/agents/runtime/claude/claude-runtime.js';
import { findClaude } from '../../src/agents/runtime/claude/find-claude.js';
import { ScriptedModel } from '../../src/scripted-model/scripted-model.js';
import { DrivenAgent } from '../contract/driven-agent.js';
import { CLAUDE_PATH, claudeEnv } from '../support/claude-env.js';
import { makeTempDir, type TempDir } from '../support/temp-dir.js';
import { eventually } from '../support/wait.js';
import { Watched, killMarked, livingWith, newMark, newRunId } from './process-support.js';

const API_KEY = 'a key for tests only';
const best = createProcessHost();
await best.ready();
const RUNGS = [...new Set<Confinement>([best.confinement(), best.confinement('off'), 'process-group'])];

/** An MCP server that answers the first question and then hangs about; its mark is in its arguments. */
const MCP_SERVER = `
process.stdin.on('data', (text) => {
  for (const line of String(text).split('\\n').filter(Boolean)) {
    const { id, method } = JSON.parse(line);
    const result = method === 'initialize'
      ? { protocolVersion: '2024-11-05', capabilities: { tools: {} }, serverInfo: { name: 'zoo', version: '1' } }
      : { tools: [] };
    if (id !== undefined) process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
  }
});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {});
setInterval(() => {}, 1000);
`;

describe.each(RUNGS)('the real CLI, %s', (rung) => {
  const host = createProcessHost({ rung });
  const model = new ScriptedModel({ api_key: API_KEY });
  let base_url: string;
  let dir: TempDir;
  let agent: DrivenAgent;
  let mark: string;

  beforeAll(async () => {
    base_url = (await model.listen()).url;
  });
  afterAll(() => model.close());
  beforeEach(async () => {
    dir = await makeTempDir('nox-cli-zoo-');
    mkdirSync(join(dir.path, 'ws'));
    mark = newMark();
  });
  afterEach(async () => {
    await agent.session.end({ grace_ms: 0 });
    killMarked();
    await dir.remove();
  });

  /** Starts the CLI with these arguments added. */
  async function start(...args: string[]): Promise<void> {
    const program = join(dir.path, 'claude-with-arguments');
    writeFileSync(program, `#!/bin/sh\nexec '${CLAUDE_PATH}' "$@" ${args.map((arg) => `'${arg}'`).join(' ')}\n`);
    chmodSync(program, 0o755);
    const findIt = () => findClaude({ config_path: program, env_path: undefined, path: process.env['PATH'] });
    agent = await DrivenAgent.start(new ClaudeRuntime(host, { findClaude: findIt }), {
      run_id: newRunId(),
      agent_id: 'zoo',
      session_id: randomUUID(),
      resume: false,
      cwd: join(dir.path, 'ws'),
      system_prompt: '',
      model: undefined,
      command: undefined,
      env: claudeEnv({ config_dir: join(dir.path, 'claude'), base_url, api_key: API_KEY }),
      disallowed_tools: [],
      tool_timeout_s: 60,
    });
    await agent.session.ready;
  }

  const marked = () => eventually('its tool runs', () => livingWith(mark).length > 0);
  async function endsCompletely(): Promise<void> {
    const watched = new Watched([agent.session.identity.pid, ...(await agent.session.tree()), ...livingWith(mark)]);
    expect(watched.living().length).toBeGreaterThan(1);
    await agent.session.end({ grace_ms: 500 });
    expect([...watched.living(), ...livingWith(mark)]).toEqual([]);
  }

  it('ends with a running Bash tool', async () => {
    await start();
    await agent.prompt(`tool Bash {"command":"trap : TERM INT HUP; sleep ${mark}; sleep ${mark}","timeout":600000}`);
    await marked();
    await endsCompletely();
  });

  it('ends with Bash tools in the background, one of which has left its group', async () => {
    await start();
    const command = `setsid sleep ${mark} & sleep ${mark}`;
    await agent.turn(`tool Bash {"command":"${command}","run_in_background":true}`);
    await marked();
    await endsCompletely();
  });

  it('ends with an MCP server that does not want to', async () => {
    const server = join(dir.path, 'server.mjs');
    writeFileSync(server, MCP_SERVER);
    const config = join(dir.path, 'mcp.json');
    const zoo = { command: process.execPath, args: [server, mark] };
    writeFileSync(config, JSON.stringify({ mcpServers: { zoo } }));
    await start(`--mcp-config=${config}`);
    await agent.turn('say ready');
    await marked();
    await endsCompletely();
  });
});
