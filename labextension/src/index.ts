/** Presigned access in JupyterLab. */

import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { plugin } from './plugin';

const plugins: JupyterFrontEndPlugin<unknown>[] = [plugin];

export default plugins;
