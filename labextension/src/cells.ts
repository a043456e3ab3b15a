/** Cells for the notebook in front. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { INotebookTracker, NotebookActions } from '@jupyterlab/notebook';

import { panelCell, testCell } from './kernel_code';
import type { IChoices } from './settings';
import { Commands } from './tokens';

export function addCellCommands(app: JupyterFrontEnd, notebooks: INotebookTracker, choices: () => IChoices): void {
  const add = (id: string, label: string, caption: string, code: (choices: IChoices) => string) =>
    app.commands.addCommand(id, {
      label,
      caption,
      isEnabled: () => notebooks.currentWidget !== null && !notebooks.currentWidget.model?.readOnly,
      execute: () => {
        const notebook = notebooks.currentWidget?.content;
        if (!notebook?.model) {
          return;
        }
        NotebookActions.insertBelow(notebook);
        const cell = notebook.activeCell;
        if (cell && cell.model.type !== 'code') {
          NotebookActions.changeCellType(notebook, 'code');
        }
        notebook.activeCell?.model.sharedModel.setSource(code(choices()));
        app.shell.activateById(notebooks.currentWidget!.id);
        notebook.mode = 'edit';
      }
    });
  add(Commands.insertPanel, 'Insert a Panel Cell', 'Insert a cell that shows the panel', panelCell);
  add(
    Commands.insertTest,
    'Insert a Regression-Test Cell',
    'Insert a cell that fails when the restriction no longer holds',
    testCell
  );
  app.commands.notifyCommandChanged();
  notebooks.currentChanged.connect(() => {
    app.commands.notifyCommandChanged(Commands.insertPanel);
    app.commands.notifyCommandChanged(Commands.insertTest);
  });
}
