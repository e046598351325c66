interface Page<T> {
  readonly items: readonly T[];
  readonly pagination: { readonly total: number };
}

const LIMIT = 500;

/** All items of a list that the server gives in pages. */
export async function allPages<T>(
  read: (query: { page: number; limit: number }) => Promise<Page<T>>,
): Promise<{ items: T[]; pagination: { page: number; limit: number; total: number } }> {
  const items: T[] = [];
  for (let page = 1; ; page += 1) {
    const { items: found, pagination } = await read({ page, limit: LIMIT });
    items.push(...found);
    // A list that shrinks while it is read ends with a short page.
    if (found.length < LIMIT || items.length >= pagination.total) break;
  }
  return { items, pagination: { page: 1, limit: items.length, total: items.length } };
}
