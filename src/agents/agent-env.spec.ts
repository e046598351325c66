import { describe, expect, it } from '@jest/globals';
import { SystemConfig } from '../contracts/config.js';
import { buildAgentEnv, type EnvParts } from './agent-env.js';

const build = (over: Partial<EnvParts>) =>
  buildAgentEnv({
    nox_env: {},
    config: SystemConfig.parse({}).claude_cli,
    agent_env: {},
    model_env: {},
    agent_id: 'one',
    ...over,
  });

describe(buildAgentEnv, () => {
  it('passes home, path and what belongs to Claude, and nothing else of Nox', () => {
    const env = build({
      nox_env: {
        HOME: '/h',
        PATH: '/bin',
        ANTHROPIC_API_KEY: 'k',
        CLAUDE_CONFIG_DIR: '/c',
        NOX_ADMIN_PASSWORD: 'secret',
        AWS_SECRET_ACCESS_KEY: 's',
        LD_PRELOAD: 'x',
      },
    });
    expect(env).toEqual({
      CLAUDE_CODE_MAX_RETRIES: '2',
      HOME: '/h',
      PATH: '/bin',
      ANTHROPIC_API_KEY: 'k',
      CLAUDE_CONFIG_DIR: '/c',
      NOX_AGENT_ID: 'one',
    });
  });

  it('does not make the agent a child of the Claude session that started Nox', () => {
    expect(build({ nox_env: { CLAUDECODE: '1', CLAUDE_CODE_ENTRYPOINT: 'cli' } })).not.toHaveProperty('CLAUDECODE');
  });

  it('lets the scripted model win over the environment', () => {
    const env = build({
      nox_env: { ANTHROPIC_BASE_URL: 'https://a' },
      model_env: { ANTHROPIC_BASE_URL: 'http://127.0.0.1:1' },
    });
    expect(env['ANTHROPIC_BASE_URL']).toBe('http://127.0.0.1:1');
  });

  it('keeps the number of retries that a person set', () => {
    expect(build({ nox_env: { CLAUDE_CODE_MAX_RETRIES: '7' } })['CLAUDE_CODE_MAX_RETRIES']).toBe('7');
  });
});
