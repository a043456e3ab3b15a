/** Makes the tabs of the panel, and moves them. */

import type { ILabShell, JupyterFrontEnd } from '@jupyterlab/application';
import {
  ISessionContextDialogs,
  MainAreaWidget,
  SessionContext,
  Toolbar,
  ToolbarButton,
  WidgetTracker
} from '@jupyterlab/apputils';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { UUID } from '@lumino/coreutils';

import { accessIcon } from './icon';
import type { IChoices } from './settings';
import { AccessPanel } from './tab';
import { DESCRIPTION, TITLE } from './tokens';

export type Tab = MainAreaWidget<AccessPanel>;

export class Tabs {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _rendermime: IRenderMimeRegistry,
    private readonly _tracker: WidgetTracker<Tab>,
    private readonly _dialogs: ISessionContextDialogs,
    private readonly _choices: () => IChoices,
    private readonly _labShell: ILabShell | null
  ) {}

  /** Make a tab; its id names its session, so that a reloaded page finds the kernel again. */
  make(id = `gt-secure-${UUID.uuid4()}`): Tab {
    const { serviceManager } = this._app;
    const { sessions, kernelspecs, kernels } = serviceManager;
    const chosen = this._choices().kernel;
    const sessionContext = new SessionContext({
      kernelManager: kernels,
      sessionManager: sessions,
      specsManager: kernelspecs,
      path: id,
      name: TITLE,
      type: 'gt_secure',
      kernelPreference: { language: 'python', ...(chosen ? { name: chosen } : {}), autoStartDefault: true }
    });
    const content = new AccessPanel({
      sessionContext,
      rendermime: this._rendermime.clone(),
      choices: this._choices,
      chooseKernel: async context => {
        await this._dialogs.selectKernel(context);
      }
    });
    const tab: Tab = new MainAreaWidget({ content });
    tab.id = id;
    tab.title.label = TITLE;
    tab.title.icon = accessIcon;
    tab.title.caption = DESCRIPTION;
    tab.title.closable = true;
    this._fillToolbar(tab, sessionContext);
    tab.disposed.connect(() => {
      void sessionContext.shutdown().finally(() => sessionContext.dispose());
    });
    void this._tracker.add(tab);
    return tab;
  }

  start(tab: Tab): void {
    // Widget libraries register themselves while JupyterLab starts; a panel shown before that would lack some.
    void this._app.started.then(() => tab.content.start());
  }

  /** Move a tab between the main area and the right sidebar. */
  move(tab: Tab): void {
    const { shell } = this._app;
    const aside = this.isAside(tab);
    tab.title.label = aside ? TITLE : '';
    shell.add(tab, aside ? 'main' : 'right');
    shell.activateById(tab.id);
  }

  isAside(tab: Tab): boolean {
    return [...(this._labShell?.widgets('right') ?? [])].includes(tab);
  }

  private _fillToolbar(tab: Tab, sessionContext: SessionContext): void {
    const { toolbar } = tab;
    const move = new ToolbarButton({
      label: 'Move aside',
      tooltip: 'Move between the main area and the right sidebar',
      onClick: () => this.move(tab)
    });
    toolbar.addItem('move', move);
    toolbar.addItem('spacer', Toolbar.createSpacerItem());
    toolbar.addItem('kernelName', Toolbar.createKernelNameItem(sessionContext, this._dialogs));
    toolbar.addItem('kernelStatus', Toolbar.createKernelStatusItem(sessionContext));
  }
}
