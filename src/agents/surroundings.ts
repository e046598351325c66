/** Where Nox itself lives and what it was started with; given at wiring. */
export abstract class Surroundings {
  /** The folder in which Nox was started: relative paths are below it. */
  abstract readonly base: string;
  abstract readonly home: string;
  abstract readonly registry: string;
  abstract readonly env: Readonly<Record<string, string | undefined>>;
}
