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
  `
  CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    group_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    reply_to TEXT,
    sender TEXT NOT NULL,
    sent_by TEXT NOT NULL,
    recipient TEXT NOT NULL,
    address TEXT NOT NULL,
    message_type TEXT NOT NULL,
    topic TEXT,
    content TEXT NOT NULL,
    priority TEXT NOT NULL,
    metadata_json TEXT NOT NULL,
    status TEXT NOT NULL,
    leased INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    hops INTEGER NOT NULL,
    turn_id TEXT,
    reason TEXT,
    created_ms INTEGER NOT NULL,
    deliver_after_ms INTEGER,
    due_ms INTEGER,
    expires_ms INTEGER NOT NULL,
    delivered_ms INTEGER,
    ended_ms INTEGER
  ) STRICT;
  CREATE INDEX messages_recipient ON messages (recipient, id);
  CREATE INDEX messages_sender ON messages (sender, id);
  CREATE INDEX messages_thread ON messages (thread_id, id);
  CREATE INDEX messages_open ON messages (recipient, id) WHERE status IN ('queued', 'delivered');
  CREATE INDEX messages_expiry ON messages (expires_ms) WHERE status = 'queued' AND leased = 0;
  CREATE INDEX messages_due ON messages (due_ms) WHERE status = 'queued' AND due_ms IS NOT NULL;
  CREATE INDEX messages_dead ON messages (id) WHERE status = 'dead';
  CREATE INDEX messages_ended ON messages (status, ended_ms) WHERE ended_ms IS NOT NULL;

  CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    turn_id TEXT,
    prompt_uuid TEXT,
    outcome TEXT NOT NULL,
    reason TEXT,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER
  ) STRICT;
  CREATE INDEX deliveries_message ON deliveries (message_id, id);

  CREATE TABLE message_queue (
    id TEXT PRIMARY KEY,
    agent_id TEXT NOT NULL,
    level INTEGER NOT NULL,
    place INTEGER NOT NULL,
    state TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    due_ms INTEGER,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX message_queue_heads ON message_queue (agent_id, level, place) WHERE state = 'waiting';
  CREATE INDEX message_queue_due ON message_queue (agent_id, due_ms) WHERE state = 'delayed';
  CREATE INDEX message_queue_leased ON message_queue (agent_id) WHERE state = 'leased';
  CREATE INDEX message_queue_place ON message_queue (place);

  CREATE TABLE passed_over (agent_id TEXT PRIMARY KEY, counts_json TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE message_keys (
    sent_by TEXT NOT NULL,
    key TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    ids_json TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (sent_by, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX message_keys_at ON message_keys (created_ms);

  CREATE TABLE subscriptions (
    agent_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    filter_json TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (topic, agent_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX subscriptions_agent ON subscriptions (agent_id, topic);
  `,
  `
  ALTER TABLE deliveries ADD COLUMN received_ms INTEGER;

  CREATE TABLE tool_effects (
    key TEXT PRIMARY KEY,
    agent_id TEXT NOT NULL,
    tool TEXT NOT NULL,
    result_json TEXT,
    at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tool_effects_at ON tool_effects (at_ms);
  `,
  `
  CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    agent_id TEXT NOT NULL,
    task_json TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE task_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    text TEXT NOT NULL,
    evidence_json TEXT
  ) STRICT;
  CREATE INDEX task_log_task ON task_log (task_id, id);
  CREATE INDEX turns_source ON turns (source, id);
  `,
  `
  CREATE TABLE breakers (
    agent_id TEXT PRIMARY KEY,
    breaker_json TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE approvals ADD COLUMN held_ms INTEGER;
  ALTER TABLE approvals ADD COLUMN group_key TEXT;
  CREATE INDEX approvals_held ON approvals (held_ms) WHERE held_ms IS NOT NULL;
  CREATE INDEX approvals_group ON approvals (group_key) WHERE status IN ('pending', 'parked');
  `,
  `
  CREATE TABLE clients (
    token_sha256 TEXT PRIMARY KEY,
    username TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    UNIQUE (username, name)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE service_proposals (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    proposal_json TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX service_proposals_name ON service_proposals (name);
  `,
  `
  CREATE TABLE approval_links (
    id TEXT PRIMARY KEY,
    approval_id TEXT NOT NULL,
    input_sha256 TEXT NOT NULL,
    username TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    used_ms INTEGER,
    revoked_ms INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX approval_links_of ON approval_links (approval_id);

  CREATE TABLE notices (
    approval_id TEXT NOT NULL,
    step_id TEXT NOT NULL,
    via TEXT NOT NULL,
    state TEXT NOT NULL,
    due_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    sent_ms INTEGER,
    reason TEXT,
    link_id TEXT,
    PRIMARY KEY (approval_id, step_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX notices_due ON notices (due_ms) WHERE state = 'waiting';
  `,
  `
  ALTER TABLE message_queue RENAME TO message_queue_before;
  DROP INDEX message_queue_heads;
  DROP INDEX message_queue_due;
  DROP INDEX message_queue_leased;
  DROP INDEX message_queue_place;
  CREATE TABLE message_queue (
    id TEXT PRIMARY KEY,
    agent_id TEXT NOT NULL,
    level INTEGER NOT NULL,
    place INTEGER NOT NULL,
    state TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    due_ms INTEGER,
    body TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO message_queue SELECT id, agent_id, level, place, state, since_ms, due_ms, body FROM message_queue_before;
  DROP TABLE message_queue_before;
  CREATE INDEX message_queue_heads ON message_queue (agent_id, level, place) WHERE state = 'waiting';
  CREATE INDEX message_queue_due ON message_queue (agent_id, due_ms) WHERE state = 'delayed';
  `,
  `
  CREATE INDEX approvals_turn ON approvals (turn_id) WHERE status = 'approved';
  `,
  `
  DROP INDEX events_at;
  CREATE INDEX events_agents_made ON events (at_ms) WHERE type = 'agent.created';
  DROP INDEX turns_source;
  CREATE INDEX turns_task ON turns (source, id) WHERE source GLOB 'task:*';
  DROP INDEX messages_thread;
  CREATE INDEX messages_reply ON messages (thread_id, id) WHERE reply_to IS NOT NULL;
  `,
];
