/** Widgets outside a notebook: JupyterLab's own manager, given a session instead of a document. */

import type { SessionContext } from '@jupyterlab/apputils';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Signal } from '@lumino/signaling';

/** What to type when JupyterLab has no widget manager. */
export const NO_MANAGER =
  'Run “pip install jupyterlab_widgets” in the environment of JupyterLab, and reload this page. ' +
  'Until then gt-secure on the command line does the same.';

/**
 * Let a rendermime registry show the widgets of a session, also after its kernel has changed or restarted.
 *
 * `registerWidgetManager` knows every widget library that JupyterLab has loaded, which a `KernelWidgetManager` that we
 * make does not. It asks its document only for a session, a signal that a save begins, and metadata.
 *
 * @returns an empty text, or what to do where there is no widget manager.
 */
export async function attachWidgets(session: SessionContext, rendermime: IRenderMimeRegistry): Promise<string> {
  let manager: typeof import('@jupyter-widgets/jupyterlab-manager');
  try {
    manager = await import('@jupyter-widgets/jupyterlab-manager');
  } catch (error) {
    console.warn('gt_secure: JupyterLab has no widget manager', error);
    return NO_MANAGER;
  }
  const owner = {};
  const document = {
    sessionContext: session,
    saveState: new Signal<object, DocumentRegistry.SaveState>(owner),
    model: { dirty: false, getMetadata: () => undefined, setMetadata: () => undefined },
    urlResolver: { resolveUrl: (url: string) => Promise.resolve(url) },
    path: session.path
  };
  const context = document as unknown as DocumentRegistry.IContext<INotebookModel>;
  const registration = manager.registerWidgetManager(context, rendermime, [].values());
  session.disposed.connect(() => registration.dispose());
  return '';
}
