import { CatalogueEntry } from '../../contracts/service.js';

const secret = (name: string, description: string, required = true) => ({ name, required, description });

/**
 * Servers that many people use, so that search works without a network. A tag is only where the search for a digest
 * begins: what is installed is bound to its bytes.
 */
export const KNOWN_SERVICES: readonly CatalogueEntry[] = [
  { name: 'time', title: 'Time', description: 'Times and time zones', image: 'mcp/time' },
  {
    name: 'sequential-thinking',
    title: 'Sequential thinking',
    description: 'A scratch pad for long chains of thought',
    image: 'mcp/sequentialthinking',
  },
  { name: 'memory', title: 'Memory', description: 'A knowledge graph of entities and relations', image: 'mcp/memory' },
  {
    name: 'everything',
    title: 'Everything',
    description: 'The reference server that has every feature of MCP',
    image: 'mcp/everything',
  },
  {
    name: 'fetch',
    title: 'Fetch',
    description: 'Web pages as markdown; name the hosts that it may reach',
    image: 'mcp/fetch',
    network: 'egress' as const,
  },
  {
    name: 'github',
    title: 'GitHub',
    description: 'Repositories, issues and pull requests',
    image: 'mcp/github',
    network: 'egress' as const,
    egress_hosts: ['api.github.com'],
    env: [secret('GITHUB_PERSONAL_ACCESS_TOKEN', 'a token with the rights that agents shall have')],
  },
  {
    name: 'slack',
    title: 'Slack',
    description: 'Channels and messages',
    image: 'mcp/slack',
    network: 'egress' as const,
    egress_hosts: ['slack.com'],
    env: [secret('SLACK_BOT_TOKEN', 'of a bot'), secret('SLACK_TEAM_ID', 'of the workspace')],
  },
  {
    name: 'postgres',
    title: 'PostgreSQL',
    description: 'Read-only queries of a database',
    image: 'mcp/postgres',
    network: 'egress' as const,
    env: [secret('DATABASE_URL', 'where the database is')],
  },
].map((entry) => CatalogueEntry.parse({ official: true, ...entry }));
