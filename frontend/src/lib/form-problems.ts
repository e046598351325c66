import { useState } from 'react';
import { fieldProblems, messageOf } from './http.js';

/** What a form says of a try that failed: beside the fields that the API names, else as a whole. */
export function useFormProblems() {
  const [problems, setProblems] = useState<Record<string, string>>({});
  const [general, setGeneral] = useState<string>();
  return {
    problems,
    general,
    setGeneral,
    /** Before a try: says only what was found here, without asking the API. */
    begin: (found: Record<string, string> = {}): void => {
      setGeneral(undefined);
      setProblems(found);
    },
    fail: (error: unknown, fields = fieldProblems(error)): void => {
      setProblems(fields);
      if (Object.keys(fields).length === 0) setGeneral(messageOf(error));
    },
  };
}
