// The limit for messages: the least that keeps them. One insert before it answers, one line to the agent, one update when
// the agent's turn has ended, each on the disk; no login, no check of anything, no queue, no events, no record.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';

const { PORT, DB, AGENTS, AGENT } = process.env;
const db = new DatabaseSync(DB);
db.exec(
  `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
   CREATE TABLE messages (id TEXT PRIMARY KEY, recipient TEXT, content TEXT, status TEXT, reply TEXT);`,
);
const insert = db.prepare("INSERT INTO messages VALUES (?, ?, ?, 'sent', NULL)");
const update = db.prepare("UPDATE messages SET status = 'read', reply = ? WHERE id = ?");
let read = 0;

const [program, ...args] = JSON.parse(AGENT);
const agents = new Map(
  JSON.parse(AGENTS).map((id) => {
    const child = spawn(program, [...args, '--session-id', randomUUID()], { stdio: ['pipe', 'pipe', 'ignore'] });
    const waiting = [];
    createInterface({ input: child.stdout }).on('line', (line) => {
      const frame = JSON.parse(line);
      if (frame.type !== 'result') return;
      update.run(frame.result, waiting.shift());
      read += 1;
    });
    return [id, { child, waiting }];
  }),
);
process.on('exit', () => {
  for (const { child } of agents.values()) child.kill('SIGKILL');
});
process.on('SIGTERM', () => process.exit(0));

createServer((request, response) => {
  let text = '';
  request.on('data', (chunk) => (text += chunk));
  request.on('end', () => {
    response.setHeader('content-type', 'application/json');
    if (text === '') {
      response.end(JSON.stringify({ read }));
      return;
    }
    const { to, content } = JSON.parse(text);
    const id = randomUUID();
    insert.run(id, to, content);
    response.end(JSON.stringify({ id }));
    const { child, waiting } = agents.get(to);
    waiting.push(id);
    child.stdin.write(
      `${JSON.stringify({ type: 'user', uuid: id, message: { role: 'user', content }, parent_tool_use_id: null })}\n`,
    );
  });
}).listen(Number(PORT), '127.0.0.1');
