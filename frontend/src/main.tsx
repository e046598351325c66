import './lib/zod-without-eval.js';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Providers } from './app/providers.js';
import { restoreTheme } from './lib/theme.js';
import './styles/tokens.css';
import './styles/base.css';
import './styles/prime.css';
import './styles/frame.css';
import './styles/components.css';

restoreTheme();
const root = document.getElementById('root');
if (root === null) throw new Error('the page has no #root');
createRoot(root).render(
  <StrictMode>
    <Providers />
  </StrictMode>,
);
