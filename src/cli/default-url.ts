export const DEFAULT_PORT = 3000;
/** Of a Nox on this machine of which nothing else is said. */
export const DEFAULT_URL = `http://127.0.0.1:${DEFAULT_PORT}`;
