/**
 * The journal's tables, as numbered steps: a step, once released, is never edited. `user_version` counts them.
 * Times are milliseconds since the epoch; `*_json` columns hold what the contracts call by the name before it.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    agent_id TEXT,
    turn_id TEXT,
    payload_json TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_agent ON events (agent_id, seq);
  CREATE INDEX events_deltas ON events (turn_id, seq) WHERE type = 'turn.text_delta';
  CREATE INDEX events_at ON events (at_ms);

  CREATE TABLE turns (
    id TEXT PRIMARY KEY,
    agent_id TEXT NOT NULL,
    session_id TEXT,
    prompt_uuid TEXT NOT NULL,
    source TEXT NOT NULL,
    actor TEXT NOT NULL,
    prompt TEXT NOT NULL,
    status TEXT NOT NULL,
    text TEXT NOT NULL DEFAULT '',
    blocks_json TEXT NOT NULL DEFAULT '[]',
    usage_json TEXT,
    reason TEXT,
    queued_ms INTEGER NOT NULL,
    started_ms INTEGER,
    ended_ms INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX turns_agent ON turns (agent_id, id);
  CREATE INDEX turns_open ON turns (status, agent_id, id) WHERE status IN ('queued', 'running', 'deferred');

  CREATE TABLE sessions (
    agent_id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL,
    has_transcript INTEGER NOT NULL DEFAULT 0,
    hibernated INTEGER NOT NULL DEFAULT 0,
    restart_count INTEGER NOT NULL DEFAULT 0,
    updated_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    agent_id TEXT NOT NULL,
    session_id TEXT,
    boot_id TEXT NOT NULL,
    pid INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL,
    confinement TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    exit_json TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX runs_open ON runs (agent_id) WHERE ended_ms IS NULL;

  CREATE TABLE approvals (
    id TEXT PRIMARY KEY,
    agent_id TEXT NOT NULL,
    status TEXT NOT NULL,
    tool_use_id TEXT NOT NULL,
    turn_id TEXT,
    requested_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    decided_ms INTEGER,
    approval_json TEXT NOT NULL,
    recorded INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX approvals_status ON approvals (status, requested_ms);
  CREATE INDEX approvals_agent ON approvals (agent_id, requested_ms);
  CREATE INDEX approvals_tool ON approvals (agent_id, tool_use_id);
  CREATE INDEX approvals_unrecorded ON approvals (decided_ms, id) WHERE recorded = 0 AND status NOT IN ('pending', 'parked');

  CREATE TABLE logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    agent_id TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    stream TEXT NOT NULL,
    line TEXT NOT NULL
  ) STRICT;
  CREATE INDEX logs_agent ON logs (agent_id, id);
  CREATE INDEX logs_at ON logs (at_ms);

  CREATE TABLE users (
    username TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE refresh_tokens (
    token_sha256 TEXT PRIMARY KEY,
    family TEXT NOT NULL,
    username TEXT NOT NULL,
    issued_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    used_ms INTEGER,
    revoked INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX refresh_tokens_family ON refresh_tokens (family);

  CREATE TABLE login_links (
    token_sha256 TEXT PRIMARY KEY,
    username TEXT NOT NULL,
    expires_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE turns ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE turns ADD COLUMN resume_ms INTEGER;
  ALTER TABLE turns ADD COLUMN used_ms INTEGER;
  UPDATE turns SET used_ms = ended_ms WHERE started_ms IS NOT NULL;
  CREATE INDEX turns_used ON turns (used_ms) WHERE used_ms IS NOT NULL;
  CREATE INDEX turns_used_by ON turns (agent_id, used_ms) WHERE used_ms IS NOT NULL;

  CREATE TABLE holds (
    agent_id TEXT PRIMARY KEY,
    cause TEXT NOT NULL,
    reason TEXT NOT NULL,
    resume_ms INTEGER
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE ledger (
    seq INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    approval_id TEXT NOT NULL,
    body_json TEXT NOT NULL,
    prev_sha256 TEXT NOT NULL,
    sha256 TEXT NOT NULL
  ) STRICT;
  CREATE INDEX ledger_approval ON ledger (approval_id, seq);
  CREATE INDEX ledger_agent ON ledger (agent_id, seq);

  CREATE TABLE grants (
    approval_id TEXT PRIMARY KEY,
    used_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
];
