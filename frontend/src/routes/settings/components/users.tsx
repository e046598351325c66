import { SkeletonRows } from '../../../components/states.js';
import { useCan } from '../../../lib/session.js';
import { useUsers } from '../queries.js';

/** Who may come in; only an admin sees it. */
export function Users() {
  const mayList = useCan('admin');
  const users = useUsers(mayList);
  if (!mayList || users.isError) return null;
  return (
    <section className="card" aria-labelledby="users-title">
      <div className="card-head">
        <h2 id="users-title">Users</h2>
      </div>
      <div className="card-body">
        {users.data === undefined ? (
          <SkeletonRows rows={2} />
        ) : (
          <ul>
            {users.data.map((user) => (
              <li key={user.username} className="row user-row">
                <span className="grow truncate">{user.username}</span>
                <span className="chip">{user.role}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}
