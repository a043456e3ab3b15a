/** The status item: the chosen team's three locks. */

import type { WidgetTracker } from '@jupyterlab/apputils';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { IStatusBar } from '@jupyterlab/statusbar';
import type { CommandRegistry } from '@lumino/commands';
import { Widget } from '@lumino/widgets';

import type { IChoices } from './settings';
import type { ILocks } from './tab';
import type { Tab } from './tabs';
import { Commands, TITLE } from './tokens';

/** A button in the status bar; it opens the panel, or brings the one that it speaks of to the front. */
export class LocksStatus extends Widget {
  constructor(action: () => void) {
    super();
    this.addClass('gts-lab-status');
    this._button.type = 'button';
    this._button.addEventListener('click', action);
    this.node.append(this._button);
    this.show_(null);
  }

  show_(locks: ILocks | null): void {
    const of = locks?.team || (locks?.bucket ? `bucket ${locks.bucket}` : '');
    const states = locks && of ? locks.locks.map(lock => `${lock.name} ${lock.words}`) : [];
    const parts: Node[] = [document.createTextNode(of || TITLE)];
    for (const lock of of ? locks!.locks : []) {
      const mark = document.createElement('span');
      mark.className = 'gts-lab-lock';
      mark.dataset.tone = lock.tone;
      mark.textContent = `${lock.name.split(' ')[0]} ${MARKS[lock.tone] ?? '–'}`;
      parts.push(mark);
    }
    this._button.replaceChildren(...parts);
    const words = of ? `${of}: ${states.join(', ')}` : 'no team is chosen';
    this._button.title = `${words}. Open ${TITLE}.`;
    this._button.setAttribute('aria-label', this._button.title);
  }

  private readonly _button = document.createElement('button');
}

const MARKS: Record<string, string> = { ok: '✓', no: 'open', warn: '!', plain: '–' };

export function addStatus(
  statusBar: IStatusBar,
  tracker: WidgetTracker<Tab>,
  commands: CommandRegistry,
  settings: ISettingRegistry.ISettings | null,
  choices: () => IChoices
): void {
  let latest: Tab | null = null;
  const item = new LocksStatus(() => {
    if (latest && !latest.isDisposed) {
      void commands.execute(Commands.reveal, { id: latest.id });
    } else {
      void commands.execute(Commands.open);
    }
  });
  const draw = () => {
    item.show_(latest && !latest.isDisposed ? latest.content.locks : null);
    item.setHidden(!choices().showStatus);
  };
  const choose = (tab: Tab | null) => {
    if (tab) {
      latest = tab;
    }
    draw();
  };
  tracker.widgetAdded.connect((_, tab) => {
    tab.content.locksChanged.connect(() => choose(tab));
    tab.disposed.connect(() => {
      latest = latest === tab ? (tracker.find(other => other !== tab && !other.isDisposed) ?? null) : latest;
      draw();
    });
  });
  tracker.currentChanged.connect((_, tab) => choose(tab));
  settings?.changed.connect(draw);
  draw();
  statusBar.registerStatusItem('gt_secure:locks', {
    align: 'left',
    item,
    rank: 50,
    isActive: () => choices().showStatus
  });
}
