import { Store } from './store.js';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'nox-theme';

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system'; // Storage can be forbidden; the choice then lasts as long as the page.
  }
}

export const theme = new Store<Theme>('system');

export function setTheme(next: Theme): void {
  theme.set(next);
  if (next === 'system') document.documentElement.removeAttribute('data-theme');
  else document.documentElement.setAttribute('data-theme', next);
  try {
    if (next === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // As above.
  }
}

export const restoreTheme = (): void => setTheme(stored());
