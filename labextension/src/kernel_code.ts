/** The code that the extension runs in a kernel, and how its answer is read. */

import type { KernelMessage } from '@jupyterlab/services';

import type { IChoices } from './settings';

/** Quote a text for Python: JSON's escapes are Python's, too. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
}

/** Keyword arguments for those choices that are set. */
export function keywords(choices: Pick<IChoices, 'profile' | 'region' | 'team' | 'bucket'>): string {
  const names = ['profile', 'region', 'team', 'bucket'] as const;
  return names
    .filter(name => choices[name])
    .map(name => `${name}=${quoted(choices[name])}`)
    .join(', ');
}

/** Code that shows the panel of this kernel: the one it has already, or a new one with the entries of a former one. */
export function showPanelCode(choices: IChoices, entries = ''): string {
  const given = [keywords(choices), entries && `entries=${quoted(entries)}`].filter(Boolean).join(', ');
  return `from gt_secure.widgets.lab_tab import show_tab as _gt_secure_show\n_gt_secure_show(${given})`;
}

/** Code for a notebook cell that shows the panel. */
export function panelCell(choices: IChoices): string {
  const { profile, region } = choices;
  const where = keywords({ profile, region, team: '', bucket: '' });
  const what = keywords({ profile: '', region: '', team: choices.team, bucket: choices.bucket });
  const connection = where ? `gt_secure.connect(${where})` : '';
  return `import gt_secure\n\ngt_secure.panel(${[connection, what].filter(Boolean).join(', ')})`;
}

/** Code for a notebook cell that fails when a restriction no longer holds. */
export function testCell(choices: IChoices): string {
  const where = keywords({ profile: choices.profile, region: choices.region, team: '', bucket: '' });
  const team = quoted(choices.team || 'my-workteam');
  const bucket = quoted(choices.bucket || 'my-bucket');
  return `import gt_secure
from gt_secure import Restriction, check, expect

gt = gt_secure.connect(${where})
restriction = Restriction(
    ${team},
    addresses="203.0.113.0/24",  # the allowed addresses
    bucket=${bucket},
    expectations=[expect.allowed("203.0.113.7"), expect.refused("198.51.100.9")],
)
# After a run, "gt-secure check no-code-cell-skipped --write --path NOTEBOOK" writes what must pass as a last cell.
check.nothing_drifted(gt, restriction)
check.expectations_hold(gt, restriction)`;
}

export type Outcome = 'shown' | 'missing' | 'too old' | 'failed';

/** Say what became of the code that shows the panel. */
export function outcomeOf(reply: KernelMessage.IExecuteReplyMsg | undefined): Outcome {
  const content = reply?.content;
  if (!content || content.status === 'ok') {
    return content ? 'shown' : 'failed';
  }
  const { ename, evalue } = content as { ename?: string; evalue?: string };
  if (ename !== 'ModuleNotFoundError') {
    return 'failed';
  }
  if (/'gt_secure'$/.test(evalue ?? '')) {
    return 'missing';
  }
  return /'gt_secure\.[\w.]+'$/.test(evalue ?? '') ? 'too old' : 'failed';
}
