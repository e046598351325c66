import type { StateDb } from '../../src/shared/db/state-db.js';

/**
 * What SQLite does for the questions that `ask` puts to the journal where it does not go by an index of open rows: there it
 * looks through a table that only grows.
 */
export function scansOf(db: StateDb, ask: () => unknown): string[] {
  const asked: [string, (string | number | null)[]][] = [];
  const [all, get] = [db.all.bind(db), db.get.bind(db)];
  db.all = (sql: string, ...values: (string | number | null)[]) => {
    asked.push([sql, values]);
    return all(sql, ...values);
  };
  db.get = (sql: string, ...values: (string | number | null)[]) => {
    asked.push([sql, values]);
    return get(sql, ...values);
  };
  try {
    ask();
  } finally {
    // The class has them.
    Reflect.deleteProperty(db, 'all');
    Reflect.deleteProperty(db, 'get');
  }
  return asked.flatMap(([sql, values]) =>
    db
      .all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values)
      .map(({ detail }) => detail)
      .filter((detail) => /^(SCAN|SEARCH) /.test(detail) && !/ USING (COVERING )?INDEX \w+_open\b/.test(detail))
      .map((detail) => `${detail}: ${sql}`),
  );
}
