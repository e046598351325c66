const VERSIONED = '/api/v1';

/**
 * The one form under which a request is routed: `/api/v1/x` is `/api/x`, slashes at the end are dropped, the query
 * stays as it is.
 */
export function canonicalUrl(url: string): string {
  const mark = url.indexOf('?');
  let path = mark === -1 ? url : url.slice(0, mark);
  const query = mark === -1 ? '' : url.slice(mark);
  if (path === VERSIONED || path.startsWith(`${VERSIONED}/`)) path = `/api${path.slice(VERSIONED.length)}`;
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end -= 1;
  return path.slice(0, end) + query;
}
