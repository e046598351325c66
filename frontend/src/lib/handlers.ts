import type { AnyNoxEvent, EventType, NoxEvent } from '@contracts/event.js';

/** What to do with each type of event that matters here; the others are passed over. */
export type Handlers<Args extends unknown[], Result> = {
  readonly [T in EventType]?: (event: NoxEvent<T>, ...args: Args) => Result;
};

/** Runs the handler of this event's type; undefined when there is none. */
export function handle<Args extends unknown[], Result>(
  handlers: Handlers<Args, Result>,
  event: AnyNoxEvent,
  ...args: Args
): Result | undefined {
  // The table's type ties each handler to its event; one entry looked up by a variable loses that tie.
  const handler = handlers[event.type] as ((event: AnyNoxEvent, ...args: Args) => Result) | undefined;
  return handler?.(event, ...args);
}
