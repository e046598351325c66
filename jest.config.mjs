// One config, projects by the kind of test. ESM needs --experimental-vm-modules (see package.json); `jest.mock` does
// nothing in ESM: give fakes through constructors.
const shared = {
  testEnvironment: 'node',
  transform: { '^.+\\.ts$': '@swc/jest' },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
};
const project = (displayName, testMatch, extra = {}) => ({ ...shared, displayName, testMatch, ...extra });

// For projects that load the application.
const app = { setupFiles: ['<rootDir>/test/support/load-nest.mjs'] };

export default {
  projects: [
    project('unit', ['<rootDir>/src/**/*.spec.ts']),
    project('dashboard', ['<rootDir>/frontend/src/**/*.spec.ts'], {
      moduleNameMapper: { '^@(contracts|client)/(.*)\\.js$': '<rootDir>/src/$1/$2', ...shared.moduleNameMapper },
    }),
    project('integration', ['<rootDir>/test/integration/**/*.spec.ts'], app),
    project('contract', ['<rootDir>/test/contract/**/*.spec.ts']),
    project('fault', ['<rootDir>/test/fault/**/*.spec.ts'], app),
    project('e2e', ['<rootDir>/test/e2e/**/*.spec.ts'], app),
  ],
  // A process is forked with its page tables: from a worker that has grown to a gigabyte each git takes a tenth of a second.
  workerIdleMemoryLimit: '256MB',
  testSequencer: '<rootDir>/scripts/long-first.mjs',
  // A bound for what hangs; see DEFAULT_WAIT_MS.
  testTimeout: 180_000,
};
