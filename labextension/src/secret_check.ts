/** The secret check: before a notebook is saved it is searched for secrets, and the person decides. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { ICodeCellModel } from '@jupyterlab/cells';
import type { IDocumentWidget } from '@jupyterlab/docregistry';
import type { IOutput } from '@jupyterlab/nbformat';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import { Widget } from '@lumino/widgets';

import { findSecrets, ISavedSecret, maskSecrets, searched } from './saved_secrets';
import type { IChoices } from './settings';
import { Commands } from './tokens';

type Data = Record<string, unknown>;
type Decision = 'remove' | 'save' | 'cancel';
type Options = Parameters<Contents.IManager['save']>[1];

/** What of a cell of any type is changed here. */
interface ISharedCell {
  setSource(value: string): void;
  setMetadata(value: unknown): void;
  setAttachments?(value: unknown): void;
}

interface IDecided {
  decision: Decision;
  ids: Set<string>;
}

/**
 * Ask before a notebook with secrets is saved.
 *
 * Every save of JupyterLab (the command, the autosave, "Save as", "Download") goes through the contents manager, with the
 * outputs and the widget state in it. A decision holds for the same secrets until the page is reloaded.
 */
export class SecretCheck {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _notebooks: INotebookTracker,
    private readonly _choices: () => IChoices
  ) {
    const { contents } = _app.serviceManager;
    const save = contents.save.bind(contents);
    contents.save = async (path: string, options?: Options) => save(path, await this._checked(path, options));
    _app.commands.commandExecuted.connect((_, { id }) => {
      if (id.startsWith('docmanager:save') || id === 'docmanager:download') {
        this._asked = true;
      }
    });
  }

  private async _checked(path: string, options?: Options): Promise<Options> {
    const { secretCheck: mode, accepted } = this._choices();
    const book = mode === 'off' ? null : notebookOf(path, options);
    let byPerson = this._asked;
    this._asked = false;
    if (!book) {
      return options;
    }
    const found = findSecrets(book, accepted);
    if (found.length === 0) {
      return options;
    }
    // One dialog at a time: a save meanwhile waits, and takes the answer unless it holds a secret that was not shown.
    for (let open = this._open.get(path); open; open = this._open.get(path)) {
      await open;
      byPerson = false;
    }
    const known = this._decided.get(path);
    let decision = known && found.every(({ id }) => known.ids.has(id)) ? known.decision : undefined;
    if (decision === 'save' && mode === 'strict') {
      decision = undefined;
    }
    if (!decision || (decision === 'cancel' && byPerson)) {
      decision = await this._ask(path, book, found, mode === 'strict');
    }
    if (decision === 'cancel') {
      this._reveal(path, found);
      throw cancelled();
    }
    if (decision === 'save') {
      return options;
    }
    const rest = JSON.parse(JSON.stringify(book)) as Data;
    maskSecrets(rest, accepted);
    const left = findSecrets(rest, accepted);
    if (left.length) {
      // Masking code that is no string could change what it does.
      this._decided.delete(path);
      await showDialog({
        title: 'Remove these secrets from the code',
        body: new Report(path, book, left),
        buttons: [Dialog.okButton({ label: 'Close' })]
      });
      this._reveal(path, left);
      throw cancelled();
    }
    const clean = options?.type === 'notebook' ? this._remove(path, book, found) : this._removeText(path, book);
    return { ...options, content: clean };
  }

  private _ask(path: string, book: Data, found: ISavedSecret[], strict: boolean): Promise<Decision> {
    const cancel = Dialog.cancelButton({ label: 'Cancel' });
    const save = Dialog.warnButton({ label: 'Save anyway', actions: ['save'] });
    const remove = Dialog.okButton({ label: 'Remove and save', actions: ['remove'] });
    const answer = showDialog({
      title: strict ? 'This notebook must not be saved with secrets' : 'This notebook holds secrets',
      body: new Report(path, book, found),
      buttons: strict ? [cancel, remove] : [cancel, save, remove],
      defaultButton: strict ? 1 : 2
    })
      .then(result => {
        const decision = (result.button.actions[0] as Decision | undefined) ?? 'cancel';
        this._decided.set(path, { decision, ids: new Set(found.map(({ id }) => id)) });
        return decision;
      })
      .finally(() => this._open.delete(path));
    this._open.set(path, answer);
    return answer;
  }

  /** Mask what is saved, and what the notebook shows. */
  private _remove(path: string, book: Data, found: ISavedSecret[]): Data {
    const clean = JSON.parse(JSON.stringify(book)) as Data;
    maskSecrets(clean, this._choices().accepted);
    const model = this._panel(path)?.context.model;
    const cells = clean.cells as Data[];
    for (const index of new Set(found.map(({ place }) => cellOf(place)))) {
      const shared =
        index === null ? undefined : (model?.sharedModel.cells[index] as unknown as ISharedCell | undefined);
      if (index === null || !shared) {
        continue;
      }
      const cell = cells[index];
      const holds = (part: string) => found.some(({ place }) => place === `cell ${index}, ${part}`);
      if (holds('source')) {
        shared.setSource(Array.isArray(cell.source) ? cell.source.join('') : String(cell.source));
      }
      if (holds('output')) {
        // By the model of the cell: it draws what changed, and tells the document.
        (model?.cells.get(index) as Partial<ICodeCellModel> | undefined)?.outputs?.fromJSON(cell.outputs as IOutput[]);
      }
      if (holds('metadata')) {
        shared.setMetadata(cell.metadata);
      }
      if (holds('attachment')) {
        shared.setAttachments?.(cell.attachments);
      }
    }
    if (model && found.some(({ place }) => place === 'the metadata')) {
      for (const [name, value] of Object.entries(clean.metadata as Data)) {
        if (name !== 'widgets' && JSON.stringify(model.getMetadata(name)) !== JSON.stringify(value)) {
          model.setMetadata(name, value);
        }
      }
    }
    return clean;
  }

  /** The same for a notebook that is edited as text: it is written as Jupyter writes notebooks. */
  private _removeText(path: string, book: Data): string {
    maskSecrets(book, this._choices().accepted);
    const text = `${JSON.stringify(book, null, 1)}\n`;
    for (const widget of this._app.shell.widgets('main')) {
      const { context } = widget as unknown as Partial<IDocumentWidget>;
      if (context?.path === path && context.contentsModel?.type === 'file') {
        context.model.fromString(text);
        break; // all editors of a text share its model
      }
    }
    return text;
  }

  /** Go to the first cell that holds a secret. */
  private _reveal(path: string, found: ISavedSecret[]): void {
    const index = found.map(({ place }) => cellOf(place)).find(each => each !== null);
    const panel = this._panel(path);
    if (panel && index !== undefined && index !== null) {
      panel.content.activeCellIndex = index;
      void panel.content.scrollToItem(index);
    }
  }

  private _panel(path: string): NotebookPanel | undefined {
    return this._notebooks.find(panel => panel.context.path === path);
  }

  private readonly _decided = new Map<string, IDecided>();
  private readonly _open = new Map<string, Promise<Decision>>();
  private _asked = false;
}

/** The notebook that a save writes: as a notebook, or as text in an editor; null for anything else. */
function notebookOf(path: string, options?: Options): Data | null {
  let content: unknown = options?.content;
  if (options?.type === 'file' && typeof content === 'string' && path.toLowerCase().endsWith('.ipynb')) {
    try {
      content = JSON.parse(content);
    } catch {
      return null; // no notebook yet
    }
    return Array.isArray((content as Data | null)?.cells) ? (content as Data) : null;
  }
  return options?.type === 'notebook' && typeof content === 'object' ? (content as Data | null) : null;
}

/** What was found, with enough of each cell to recognise it. */
class Report extends Widget {
  constructor(path: string, book: Data, found: ISavedSecret[]) {
    super();
    this.addClass('gts-lab-report');
    const intro = document.createElement('p');
    intro.textContent =
      `Whoever gets a copy of “${path.split('/').pop() ?? path}” could use them. ` +
      'Removing replaces each one with ***; the rest of the text stays. The first cell is 0. ' +
      'To keep text that is not a secret, add its id to the setting “Accepted secrets”.';
    const list = document.createElement('ul');
    for (const { place, what, id } of found.slice(0, MOST)) {
      const item = document.createElement('li');
      const strong = document.createElement('strong');
      strong.textContent = what[0].toUpperCase() + what.slice(1);
      const shown = document.createElement('code');
      shown.textContent = id;
      item.append(strong, ` in ${described(place, book)}, id `, shown);
      list.append(item);
    }
    if (found.length > MOST) {
      const item = document.createElement('li');
      item.textContent = `and ${found.length - MOST} more`;
      list.append(item);
    }
    this.node.append(intro, list);
  }
}

const MOST = 8;

/** Name a place as a person sees it: cells have no number in JupyterLab, but a prompt. */
function described(place: string, book: Data): string {
  const index = cellOf(place);
  if (index === null) {
    return place === 'the metadata' ? 'the metadata of the notebook' : place;
  }
  const part = place.slice(place.indexOf(', ') + 2);
  const cell = (book.cells as Data[])[index];
  const count = cell.execution_count;
  const prompt = typeof count === 'number' ? ` [${count}]` : '';
  return `the ${part} of cell ${index}${prompt}`;
}

function cellOf(place: string): number | null {
  const match = /^cell (\d+),/.exec(place);
  return match ? Number(match[1]) : null;
}

/** What JupyterLab takes for a save that the person cancelled. */
function cancelled(): Error {
  const error = new Error('The save was cancelled: the notebook holds secrets.');
  error.name = 'ModalCancelError';
  return error;
}

/** Add a command that searches the notebook in front without saving it. */
export function addSecretCheck(app: JupyterFrontEnd, notebooks: INotebookTracker, choices: () => IChoices): void {
  new SecretCheck(app, notebooks, choices);
  app.commands.addCommand(Commands.findSecrets, {
    label: 'Find Secrets in the Notebook',
    caption: 'Search the notebook in front for presigned URLs, tokens, keys and passwords',
    isEnabled: () => notebooks.currentWidget !== null,
    execute: async args => {
      if (args['book']) {
        return findSecrets(args['book'] as unknown as Data, choices().accepted); // for other extensions: an answer, no dialog
      }
      const panel = notebooks.currentWidget;
      if (!panel) {
        return [];
      }
      const book = panel.context.model.toJSON() as unknown as Data;
      const found = findSecrets(book, choices().accepted);
      const body = found.length ? new Report(panel.context.path, book, found) : searched(book);
      await showDialog({ title: 'Secrets in the notebook', body, buttons: [Dialog.okButton({ label: 'Close' })] });
      return found;
    }
  });
}
