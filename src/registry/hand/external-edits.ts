import type { Actor } from '../../contracts/auth.js';
import type { EventPayload } from '../../contracts/event.js';
import {
  type EditConflict,
  type ExternalDecided,
  ExternalDecision,
  type ExternalEdit,
  type ExternalEdits as View,
  type IntentFileName,
} from '../../contracts/registry.js';
import { NoxError } from '../../shared/nox-error.js';
import type { z } from 'zod';
import { parsed } from '../intent-change.js';
import type { IntentContext } from '../intent-commit.js';
import { diffIntents } from '../intent-diff.js';
import type { IntentStore } from '../intent-store.js';
import { type Document, type Intent, intentOf } from '../intent.js';
import type { Reconciler } from '../reconciler.js';
import { keepEdit } from './keep.js';
import { replaceOnDisk } from './take-up.js';

const MAX_CONFLICTS = 50;

export interface ExternalPorts {
  readonly store: IntentStore;
  readonly context: IntentContext;
  reconciler(): Reconciler | undefined;
  accepted(what: EventPayload<'registry.accepted'>): void;
  rejected(what: EventPayload<'registry.rejected'>): void;
}

/** Hand edits that are not in force, and what persons decide about them. Agents have no way to here. */
export class ExternalEdits {
  private conflicts: readonly EditConflict[] = [];

  constructor(private readonly ports: ExternalPorts) {}

  async view(): Promise<View> {
    await this.ports.store.refresh();
    return { edits: this.ports.store.onDisk.edits, conflicts: [...this.conflicts] };
  }

  /** A hand edit and a write have changed the same key. */
  met(conflict: EditConflict): void {
    this.conflicts = [conflict, ...this.conflicts].slice(0, MAX_CONFLICTS);
  }

  /**
   * Puts held edits in force, as one commit of the person who confirms. CONFIRMATION_REQUIRED, NOT_FOUND: nothing waits
   * there, INVALID_STATE: another version than the one named stands there, REGISTRY_INVALID: it does not fit, FORBIDDEN.
   */
  async accept(input: z.input<typeof ExternalDecision>, actor: Actor): Promise<ExternalDecided> {
    const request = mayDecide(input, actor);
    const { store } = this.ports;
    let [before, after]: [Intent, Intent] = [store.intent, store.intent];
    const files = request.edits.map(({ file }) => file);
    const commit = await store.write((base) => {
      before = base.intent;
      const documents = new Map<IntentFileName, Document>();
      for (const { file } of this.named(request)) {
        const document = store.onDisk.document(file);
        if (document !== undefined) documents.set(file, document);
      }
      after = intentOf(new Map([...base.versions, ...documents]));
      const object_ref = `file:${files.join(',')}`;
      return {
        note: { area: 'registry', action: 'accept', object: files.join(', '), object_ref, actor },
        documents,
        intent: after,
      };
    }, 'alone');
    const reconciled = (await this.ports.reconciler()?.apply(before, after, actor)) ?? [];
    if (commit !== null) this.ports.accepted({ files, commit_hash: commit.hash, actor: actor.name });
    return { files, commit, objects: diffIntents(before, after), reconciled, kept: [] };
  }

  /**
   * Brings the text in force back onto the disk; what stood there is kept first. For held and for invalid edits.
   * CONFIRMATION_REQUIRED, NOT_FOUND, INVALID_STATE, FORBIDDEN.
   */
  async reject(input: z.input<typeof ExternalDecision>, actor: Actor): Promise<ExternalDecided> {
    const request = mayDecide(input, actor);
    const { store, context } = this.ports;
    const files = request.edits.map(({ file }) => file);
    const kept = await store.apart(async () => {
      const kept: ExternalDecided['kept'] = [];
      for (const { file } of this.named(request, true)) {
        const in_force = store.versions.get(file);
        if (in_force === undefined) continue;
        const text = store.onDisk.seen(file);
        kept.push({ file, ...(await keepEdit(context, file, text, in_force.text, { action: 'reject', actor }, true)) });
        if (text === undefined) await context.folder.restore(file, in_force.text);
        else await replaceOnDisk(context, file, text, in_force.text);
        store.broughtBack(file, in_force);
      }
      return kept;
    });
    this.ports.rejected({ files, actor: actor.name });
    return { files, commit: null, objects: [], reconciled: [], kept };
  }

  /** The edits that a decision names, if they stand there as they were seen. */
  private named({ edits }: ExternalDecision, invalid_too = false): ExternalEdit[] {
    return edits.map(({ file, version }) => {
      const edit = this.ports.store.onDisk.edit(file);
      if (edit === undefined) throw new NoxError('NOT_FOUND', `${file}: no hand edit waits there.`, { file });
      if (edit.version !== version) {
        const message = `${file} was edited again meanwhile: look at it once more, then decide.`;
        throw new NoxError('INVALID_STATE', message, { file, version: edit.version });
      }
      if (edit.problem !== null && !invalid_too) {
        const { line, field, message } = edit.problem;
        throw new NoxError('REGISTRY_INVALID', `${file}:${line}: ${field === '' ? '' : `${field}: `}${message}`, {
          file,
          ...edit.problem,
        });
      }
      return edit;
    });
  }
}

/** Whatever the roles say: whoever is no person decides nothing here. */
function mayDecide(input: z.input<typeof ExternalDecision>, actor: Actor): ExternalDecision {
  const request = parsed('body', ExternalDecision, input);
  if (actor.role !== 'admin' || actor.name.startsWith('agent:') || ['external', 'nox'].includes(actor.name))
    throw new NoxError('FORBIDDEN', 'Only a person with the role admin decides about hand edits.');
  if (!request.confirm) throw new NoxError('CONFIRMATION_REQUIRED');
  return request;
}
