import { useQueryClient } from '@tanstack/react-query';
import { Toast } from 'primereact/toast';
import { Suspense, useEffect, useRef, useState } from 'react';
import { Outlet, useLocation, useNavigation } from 'react-router';
import { SkeletonRows } from '../components/states.js';
import { LiveCache } from '../lib/live-cache.js';
import { startLive } from '../lib/live.js';
import { showNoticesWith } from '../lib/notify.js';
import { CommandPalette } from './command-palette.js';
import { OfflineNote } from './connection-state.js';
import { EmergencyNote } from './emergency.js';
import { Rail } from './rail.js';
import { TopBar } from './top-bar.js';

/** The frame around every page after login; while it stands, the live connection does. */
export function Shell() {
  const queries = useQueryClient();
  const toast = useRef<Toast>(null);
  const main = useRef<HTMLElement>(null);
  const [searching, setSearching] = useState(false);
  const { pathname } = useLocation();
  const loading = useNavigation().state === 'loading';

  useEffect(() => {
    const stop = startLive(new LiveCache(queries));
    showNoticesWith(({ severity, summary, detail }) =>
      toast.current?.show({ severity, summary, detail, life: severity === 'error' ? 10_000 : 5000 }),
    );
    return () => {
      stop();
      queries.clear();
    };
  }, [queries]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        setSearching((open) => !open);
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);

  useEffect(() => {
    main.current?.scrollTo(0, 0);
  }, [pathname]);

  return (
    <div className="frame">
      <a className="skip-link" href="#main">
        Skip to the page
      </a>
      <Rail />
      <div className="frame-body">
        <TopBar onSearch={() => setSearching(true)} />
        <OfflineNote />
        <EmergencyNote />
        <main id="main" ref={main} className={loading ? 'main main-loading' : 'main'} tabIndex={-1}>
          <Suspense fallback={<SkeletonRows />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
      {searching && <CommandPalette onClose={() => setSearching(false)} />}
      <Toast ref={toast} position="bottom-right" />
    </div>
  );
}
