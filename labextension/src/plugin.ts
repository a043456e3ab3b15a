/** The card, the palette, the tab: what a person opens. */

import { ILabShell, ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, ISessionContextDialogs, SessionContextDialogs, WidgetTracker } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { ILauncher } from '@jupyterlab/launcher';
import { IMainMenu } from '@jupyterlab/mainmenu';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';

import { addCellCommands } from './cells';
import { accessIcon } from './icon';
import { readChoices } from './settings';
import { addStatus } from './status';
import { addKernelMenu } from './kernel_menu';
import { addSecretCheck } from './secret_check';
import { Tab, Tabs } from './tabs';
import { Commands, DESCRIPTION, PLUGIN, TITLE } from './tokens';

export const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN,
  description: DESCRIPTION,
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [
    ISettingRegistry,
    ILauncher,
    ICommandPalette,
    ILayoutRestorer,
    ISessionContextDialogs,
    INotebookTracker,
    IMainMenu,
    IStatusBar,
    ILabShell
  ],
  activate
};

async function activate(
  app: JupyterFrontEnd,
  rendermime: IRenderMimeRegistry,
  registry: ISettingRegistry | null,
  launcher: ILauncher | null,
  palette: ICommandPalette | null,
  restorer: ILayoutRestorer | null,
  dialogs: ISessionContextDialogs | null,
  notebooks: INotebookTracker | null,
  menu: IMainMenu | null,
  statusBar: IStatusBar | null,
  labShell: ILabShell | null
): Promise<void> {
  const tracker = new WidgetTracker<Tab>({ namespace: 'gt_secure' });
  let settings: ISettingRegistry.ISettings | null = null;
  const choices = () => readChoices(settings);
  const loaded = registry?.load(PLUGIN).then(
    value => {
      settings = value;
    },
    error => console.warn('gt_secure: the settings cannot be read, the defaults are used', error)
  );
  const select = dialogs ?? new SessionContextDialogs();
  const tabs = new Tabs(app, rendermime, tracker, select, choices, labShell);

  if (labShell) {
    addOpenCommands(app, tabs, tracker, notebooks);
  }
  if (notebooks) {
    addCellCommands(app, notebooks, choices);
    addSecretCheck(app, notebooks, choices);
  }
  const cells = notebooks ? [Commands.insertPanel, Commands.insertTest, Commands.findSecrets] : [];
  // A page with room for one document, as in Notebook 7, has no place for a tab: a panel cell is the way there.
  const opens = labShell ? [Commands.open, Commands.move, ...(notebooks ? [Commands.openBeside] : [])] : [];
  if (labShell) {
    launcher?.add({ command: Commands.open, category: 'Other', rank: 1 });
  }
  const shown = [...opens, ...cells];
  for (const command of shown) {
    palette?.addItem({ command, category: TITLE });
  }
  if (menu && labShell) {
    addKernelMenu(app.commands, menu, tracker, select);
  }
  await loaded;
  if (!labShell) {
    return;
  }
  if (statusBar) {
    addStatus(statusBar, tracker, app.commands, settings, choices);
  }
  const restored = restorer?.restore(tracker, {
    command: Commands.open,
    args: tab => ({ id: tab.id, restored: true }),
    name: tab => tab.id
  });
  if (choices().openAtStart) {
    void openAtStart(app, tabs, tracker, notebooks, restored);
  }
}

/** How long to wait for the notebook that the address of the page names. */
const NOTEBOOK_MS = 4000;

async function openAtStart(
  app: JupyterFrontEnd,
  tabs: Tabs,
  tracker: WidgetTracker<Tab>,
  notebooks: INotebookTracker | null,
  restored: Promise<unknown> | undefined
): Promise<void> {
  await app.restored;
  await restored;
  if (tracker.size > 0) {
    return;
  }
  // The kernel starts while the notebook is still read.
  const tab = tabs.make(await runningPanel(app));
  tabs.start(tab);
  const wanted = PageConfig.getOption('treePath').endsWith('.ipynb');
  const end = performance.now() + (notebooks && wanted ? NOTEBOOK_MS : 0);
  let notebook = notebooks?.find(() => true);
  while (!notebook?.isAttached && performance.now() < end) {
    await new Promise(resolve => window.requestAnimationFrame(resolve)); // its place is enough, its cells come later
    notebook = notebooks?.find(() => true);
  }
  app.shell.add(tab, 'main', notebook ? { mode: 'split-right', ref: notebook.id } : {});
}

/** The id of a panel whose kernel runs already and has no page, such as one that was started before the page. */
async function runningPanel(app: JupyterFrontEnd): Promise<string | undefined> {
  const { sessions } = app.serviceManager;
  await sessions.ready;
  return [...sessions.running()].find(each => each.type === 'gt_secure' && each.kernel?.connections === 0)?.path;
}

function addOpenCommands(
  app: JupyterFrontEnd,
  tabs: Tabs,
  tracker: WidgetTracker<Tab>,
  notebooks: INotebookTracker | null
): void {
  const { commands, shell } = app;
  const beside = (tab: Tab) => {
    const ref = notebooks?.currentWidget;
    shell.add(tab, 'main', ref ? { mode: 'split-right', ref: ref.id } : {});
  };
  commands.addCommand(Commands.open, {
    label: TITLE,
    caption: DESCRIPTION,
    icon: args => (args['isPalette'] ? undefined : accessIcon),
    execute: args => {
      const id = typeof args['id'] === 'string' ? args['id'] : undefined;
      const tab = tabs.make(id);
      shell.add(tab, 'main', { activate: !args['restored'] });
      tabs.start(tab);
      return tab;
    }
  });
  commands.addCommand(Commands.reveal, {
    label: `Show ${TITLE}`,
    execute: args => shell.activateById(String(args['id']))
  });
  commands.addCommand(Commands.openBeside, {
    label: `${TITLE} Beside the Notebook`,
    caption: 'Split the main area: the notebook on the left, the panel on the right',
    execute: () => {
      const tab = tabs.make();
      beside(tab);
      tabs.start(tab);
      return tab;
    }
  });
  commands.addCommand(Commands.move, {
    label: () => {
      const tab = tracker.currentWidget;
      return `Move ${TITLE} to the ${tab && tabs.isAside(tab) ? 'Main Area' : 'Right Sidebar'}`;
    },
    isEnabled: () => tracker.currentWidget !== null,
    execute: () => tracker.currentWidget && tabs.move(tracker.currentWidget)
  });
}
