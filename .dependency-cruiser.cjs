/** Imports go down the floors of docs/architecture.md only; each rule says why. */
const FLOORS = [
  'contracts',
  'shared',
  'events',
  'scripted-model',
  'registry',
  'approvals',
  'agents',
  'sessions',
  'broker',
  'tasks',
  'services',
  'toolbox',
  'auth',
  'realtime',
  'system',
];

const up = FLOORS.slice(0, -1).map((floor, index) => ({
  name: `${floor}-looks-down`,
  severity: 'error',
  comment: `${floor} is below ${FLOORS.slice(index + 1).join(', ')}: what is above may change without it. To call up, take a handler as a port.`,
  from: { path: `^src/${floor}/`, pathNot: '\\.spec\\.ts$' },
  to: { path: `^src/(${[...FLOORS.slice(index + 1), 'client', 'cli'].join('|')})/|^src/(main|app\\.module)\\.ts$` },
}));

module.exports = {
  forbidden: [
    ...up,
    {
      name: 'no-circles',
      severity: 'error',
      comment:
        'With ES modules and decorator metadata a circle crashes when it is loaded, and two files in a circle are one idea cut apart.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'contracts-import-zod-only',
      severity: 'error',
      comment: 'Contracts are shared with browsers and outside programs.',
      from: { path: '^src/contracts/' },
      to: { pathNot: ['^src/contracts/', '^node_modules/zod/'] },
    },
    {
      name: 'client-runs-in-browsers',
      severity: 'error',
      comment: 'The client is used by the dashboard too: contracts and the socket, nothing of Node.',
      from: { path: '^src/client/', pathNot: '\\.spec\\.ts$' },
      to: { pathNot: ['^src/(client|contracts)/', '^node_modules/(zod|socket\\.io-client)/'] },
    },
    {
      name: 'cli-talks-over-the-client',
      severity: 'error',
      comment:
        'The command line does what any program could do over the API; only `serve`, `doctor` and `restore`, which need no server, look inside.',
      from: { path: '^src/cli/', pathNot: ['\\.spec\\.ts$', '^src/cli/commands/(serve|doctor|restore)'] },
      to: { path: '^src/', pathNot: '^src/(cli|client|contracts|shared)/' },
    },
    {
      name: 'process-below-runtime-below-supervisor',
      severity: 'error',
      comment: 'How a process is held is independent of what it speaks, and that of who supervises it.',
      from: { path: '^src/agents/(process|runtime)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^src/agents/[^/]+\\.ts$' },
    },
    {
      name: 'process-knows-no-runtime',
      severity: 'error',
      comment: 'Any runtime may use the process host.',
      from: { path: '^src/agents/process/' },
      to: { path: '^src/agents/runtime/' },
    },
    {
      name: 'no-test-code-in-the-product',
      severity: 'error',
      comment: 'Specs, fixtures and benches never reach the bundle.',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(test|bench)/|\\.spec\\.ts$' },
    },
    {
      name: 'known-packages-only',
      severity: 'error',
      comment: 'What is not in package.json is there by accident.',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown'] },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    // Linked packages keep the name under which they are imported.
    preserveSymlinks: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
