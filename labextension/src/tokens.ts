/** Names that more than one module uses. */

export const PLUGIN = 'gt_secure:plugin';

export const Commands = {
  open: 'gt-secure:open',
  openBeside: 'gt-secure:open-beside',
  move: 'gt-secure:move',
  reveal: 'gt-secure:reveal',
  insertPanel: 'gt-secure:insert-panel-cell',
  restartKernel: 'gt-secure:restart-kernel',
  changeKernel: 'gt-secure:change-kernel',
  clear: 'gt-secure:clear-panel',
  insertTest: 'gt-secure:insert-test-cell',
  findSecrets: 'gt-secure:find-secrets'
} as const;

export const TITLE = 'Presigned access';

export const DESCRIPTION = 'Restrict, test and watch who can open SageMaker Ground Truth images';

/** The comm on which a kernel tells the state of the three locks. */
export const LOCKS_COMM = 'gt_secure.locks';
