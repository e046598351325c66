import type { Duplex, Readable } from 'node:stream';

/** A container of Nox's, as the engine lists it. */
export interface Listed {
  readonly id: string;
  readonly service: string;
  readonly holder: string | undefined;
  readonly config_hash: string;
  readonly running: boolean;
}

export interface Attached {
  readonly stdin: Duplex;
  readonly stdout: Readable;
  readonly stderr: Readable;
  close(): void;
}

export interface ImageFacts {
  /** `name@sha256:…`; null for an image that was only built here. */
  readonly reference: string | null;
  readonly size_bytes: number;
  readonly created_at: string | null;
}

/** A network as the host sees it: the name of its bridge, and the host's address in it. */
export interface Network {
  readonly id: string;
  readonly bridge: string;
  readonly gateway: string;
}

export interface Usage {
  readonly memory_bytes: number;
  readonly memory_limit_bytes: number;
  readonly cpu_percent: number;
  readonly pids: number;
}
