/** Entries of JupyterLab's kernel menu for the panel in front. */

import type { ISessionContextDialogs, WidgetTracker } from '@jupyterlab/apputils';
import type { IMainMenu } from '@jupyterlab/mainmenu';
import type { CommandRegistry } from '@lumino/commands';

import type { Tab } from './tabs';
import { Commands } from './tokens';

export function addKernelMenu(
  commands: CommandRegistry,
  menu: IMainMenu,
  tracker: WidgetTracker<Tab>,
  dialogs: ISessionContextDialogs
): void {
  const session = () => tracker.currentWidget?.content.sessionContext;
  commands.addCommand(Commands.restartKernel, {
    label: 'Restart the Kernel of the Panel',
    execute: () => {
      const context = session();
      return context && dialogs.restart(context);
    }
  });
  commands.addCommand(Commands.changeKernel, {
    label: 'Change the Kernel of the Panel',
    execute: () => {
      const context = session();
      return context && dialogs.selectKernel(context);
    }
  });
  // JupyterLab joins "restart" and "clear" to one entry, and shows it as a second restart where nothing can be cleared.
  commands.addCommand(Commands.clear, { label: '', isVisible: () => false, execute: () => undefined });
  const isEnabled = (widget: unknown) => tracker.has(widget as Tab);
  const users = menu.kernelMenu.kernelUsers;
  users.restartKernel.add({ id: Commands.restartKernel, isEnabled });
  users.clearWidget.add({ id: Commands.clear, isEnabled });
  users.changeKernel.add({ id: Commands.changeKernel, isEnabled });
}
