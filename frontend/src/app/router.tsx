import { createBrowserRouter, Navigate } from 'react-router';
import { Gate } from './gate.js';
import { NotFound, RouteError } from './route-error.js';
import { Shell } from './shell.js';

/** Every page, each in a file of its own that is loaded when it is first opened. */
export const router = createBrowserRouter([
  {
    errorElement: <RouteError />,
    hydrateFallbackElement: <></>,
    children: [
      { path: '/login', lazy: async () => ({ Component: (await import('../routes/login/page.js')).LoginPage }) },
      { path: '/decide', lazy: async () => ({ Component: (await import('../routes/decide/page.js')).DecidePage }) },
      {
        element: (
          <Gate>
            <Shell />
          </Gate>
        ),
        children: [
          {
            errorElement: <RouteError />,
            children: [
              {
                index: true,
                lazy: async () => ({ Component: (await import('../routes/overview/page.js')).OverviewPage }),
              },
              {
                path: 'agents',
                lazy: async () => ({ Component: (await import('../routes/agents/page.js')).AgentsPage }),
              },
              {
                path: 'agents/:id',
                lazy: async () => ({ Component: (await import('../routes/agent/page.js')).AgentPage }),
                children: [
                  {
                    index: true,
                    lazy: async () => ({
                      Component: (await import('../routes/agent/components/conversation.js')).Conversation,
                    }),
                  },
                  {
                    path: 'messages',
                    lazy: async () => ({
                      Component: (await import('../routes/agent/components/agent-messages.js')).AgentMessages,
                    }),
                  },
                  {
                    path: 'tasks',
                    lazy: async () => ({
                      Component: (await import('../routes/agent/components/agent-tasks.js')).AgentTasks,
                    }),
                  },
                  {
                    path: 'resources',
                    lazy: async () => ({
                      Component: (await import('../routes/agent/components/resources.js')).Resources,
                    }),
                  },
                  {
                    path: 'logs',
                    lazy: async () => ({ Component: (await import('../routes/agent/components/logs.js')).Logs }),
                  },
                  {
                    path: 'configuration',
                    lazy: async () => ({
                      Component: (await import('../routes/agent/components/configuration.js')).Configuration,
                    }),
                  },
                ],
              },
              {
                path: 'approvals/:id?',
                lazy: async () => ({ Component: (await import('../routes/approvals/page.js')).ApprovalsPage }),
              },
              {
                path: 'messages/:id?',
                lazy: async () => ({ Component: (await import('../routes/messages/page.js')).MessagesPage }),
              },
              {
                path: 'tasks/:id?',
                lazy: async () => ({ Component: (await import('../routes/tasks/page.js')).TasksPage }),
              },
              {
                path: 'services',
                lazy: async () => ({ Component: (await import('../routes/services/page.js')).ServicesPage }),
              },
              {
                path: 'services/:name',
                lazy: async () => ({ Component: (await import('../routes/services/service-page.js')).ServicePage }),
              },
              {
                path: 'registry/:hash?',
                lazy: async () => ({ Component: (await import('../routes/registry/page.js')).RegistryPage }),
              },
              {
                path: 'costs',
                lazy: async () => ({ Component: (await import('../routes/costs/page.js')).CostsPage }),
              },
              {
                path: 'audit',
                lazy: async () => ({ Component: (await import('../routes/events/page.js')).EventsPage }),
              },
              {
                path: 'audit/ledger/:seq?',
                lazy: async () => ({ Component: (await import('../routes/ledger/page.js')).LedgerPage }),
              },
              {
                path: 'policy',
                lazy: async () => ({ Component: (await import('../routes/policy/page.js')).PolicyPage }),
              },
              {
                path: 'settings',
                lazy: async () => ({ Component: (await import('../routes/settings/page.js')).SettingsPage }),
              },
              { path: 'events', element: <Navigate to="/audit" replace /> },
              { path: '*', element: <NotFound /> },
            ],
          },
        ],
      },
    ],
  },
]);
