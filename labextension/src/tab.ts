/** The panel in a tab, with a kernel of its own and no notebook file. */

import type { ISessionContext, SessionContext } from '@jupyterlab/apputils';
import { OutputAreaModel, SimplifiedOutputArea } from '@jupyterlab/outputarea';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';
import type { Message } from '@lumino/messaging';
import { ISignal, Signal } from '@lumino/signaling';
import { Panel, Widget } from '@lumino/widgets';

import { outcomeOf, showPanelCode } from './kernel_code';
import { RestartWatch } from './restart_watch';
import { LOCKS_COMM, TITLE } from './tokens';
import type { IChoices } from './settings';
import { attachWidgets } from './widgets';

export interface ILock {
  name: string;
  tone: string;
  words: string;
}

export interface ILocks {
  team: string;
  bucket: string;
  locks: ILock[];
  /** What is entered in the panel, as JSON: a kernel that starts anew gets it back. */
  entries: string;
}

/** Content of the tab. */
export class AccessPanel extends Panel {
  constructor(private readonly _options: AccessPanel.IOptions) {
    super();
    const { sessionContext, rendermime } = _options;
    this.addClass('gts-lab-tab');
    this._message = new Widget();
    this._message.addClass('gts-lab-message');
    this.addWidget(this._message);
    this._output = new SimplifiedOutputArea({ model: new OutputAreaModel({ trusted: true }), rendermime });
    this.addWidget(this._output);
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', TITLE);
    this.node.tabIndex = -1;
    sessionContext.kernelChanged.connect(this._kernelChanged, this);
    sessionContext.statusChanged.connect(this._statusChanged, this);
    sessionContext.connectionStatusChanged.connect(this._connectionChanged, this);
    sessionContext.sessionChanged.connect(this._sessionChanged, this);
    sessionContext.iopubMessage.connect(this._messageArrived, this);
    this.node.addEventListener('focusin', event => {
      this._focused = event.target === this.node ? this._focused : (event.target as HTMLElement);
    });
    this.node.addEventListener('pointerdown', () => (this._pressed = true), true);
    for (const name of ['pointerup', 'pointercancel'] as const) {
      this.node.addEventListener(name, () => window.setTimeout(() => (this._pressed = false)), true);
    }
  }

  get sessionContext(): SessionContext {
    return this._options.sessionContext;
  }

  /** State of the locks as the kernel last told it; null when no panel runs. */
  get locks(): ILocks | null {
    return this._locks;
  }

  get locksChanged(): ISignal<this, ILocks | null> {
    return this._locksChanged;
  }

  /** Start or find the kernel, and show the panel. */
  async start(): Promise<void> {
    this._tell('Starting a kernel …');
    const problem = await attachWidgets(this.sessionContext, this._options.rendermime);
    if (this.isDisposed) {
      return;
    }
    if (problem) {
      this._fail('JupyterLab cannot show widgets.', problem);
      return;
    }
    try {
      const choose = await this.sessionContext.initialize();
      if (choose && !this.isDisposed) {
        await this._options.chooseKernel(this.sessionContext);
      }
    } catch (error) {
      this._fail('No kernel could be started.', String((error as Error).message ?? error), this._restartButton());
      return;
    }
    await this.show_();
  }

  /** Show the panel of the kernel, which may have one already: after a reload it is as it was. */
  async show_(): Promise<void> {
    const turn = ++this._turn;
    const kernel = this.sessionContext.session?.kernel;
    if (this.isDisposed || !kernel || kernel.isDisposed) {
      if (!this.isDisposed) {
        this._fail('The panel has no kernel.', 'Choose one.', this._chooseButton());
      }
      return;
    }
    const spec = await kernel.spec;
    if (turn !== this._turn) {
      return;
    }
    if (spec && spec.language.toLowerCase() !== 'python') {
      const what = `“${spec.display_name}” runs ${spec.language}; the panel needs Python.`;
      this._fail('This kernel cannot show the panel.', what, this._chooseButton());
      return;
    }
    this._listen(kernel);
    this._tell('Opening the panel …');
    let reply: KernelMessage.IExecuteReplyMsg | undefined;
    try {
      reply = await this._execute(kernel);
    } catch {
      return; // the kernel went away meanwhile, and its status is told elsewhere
    }
    if (turn === this._turn && !this.isDisposed) {
      await this._report(reply, kernel, spec?.display_name ?? kernel.name);
    }
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._turn++;
    this._restart.end();
    Signal.clearData(this);
    super.dispose();
  }

  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    const active = document.activeElement;
    // A press in the panel activates it, too: moving focus and page then would take the press away from its button.
    if (this._pressed || (active && active !== this.node && this.node.contains(active))) {
      return;
    }
    const last = this._focused?.isConnected ? this._focused : null;
    const first = this.node.querySelector<HTMLElement>('select, input, button');
    (last ?? first ?? this.node).focus({ preventScroll: true });
  }

  private _execute(kernel: Kernel.IKernelConnection): Promise<KernelMessage.IExecuteReplyMsg | undefined> {
    const code = showPanelCode(this._options.choices(), this._entries);
    const future = kernel.requestExecute({ code, store_history: false, stop_on_error: true });
    this._output.future = future;
    return future.done;
  }

  private async _report(
    reply: KernelMessage.IExecuteReplyMsg | undefined,
    kernel: Kernel.IKernelConnection,
    name: string
  ): Promise<void> {
    const outcome = outcomeOf(reply);
    if (outcome === 'shown') {
      this._tell(this._notice, 'notice');
      this._notice = '';
      return;
    }
    if (outcome === 'failed') {
      this._fail('The panel could not be shown.', 'The message below is from the kernel.', this._againButton());
      return;
    }
    this._output.model.clear();
    const python = await askKernel(kernel, "__import__('sys').executable");
    const first =
      outcome === 'missing'
        ? `gt_secure is not installed in the kernel “${name}”.`
        : `gt_secure in the kernel “${name}” is older than this extension.`;
    const upgrade = outcome === 'missing' ? '' : '--upgrade ';
    const command = `${/\s/.test(python) ? `"${python}"` : python || 'python'} -m pip install ${upgrade}gt_secure-*.whl`;
    this._fail(first, 'Run this in a terminal, then restart the kernel. Or choose another kernel.', {
      code: command,
      buttons: [...this._againButton().buttons, ...this._chooseButton().buttons]
    });
  }

  private _listen(kernel: Kernel.IKernelConnection): void {
    kernel.registerCommTarget(LOCKS_COMM, (comm, message) => {
      this._setLocks(message.content.data as JSONObject as unknown as ILocks);
      comm.onMsg = next => this._setLocks(next.content.data as JSONObject as unknown as ILocks);
      comm.onClose = () => undefined;
    });
  }

  private _setLocks(locks: ILocks | null): void {
    this._locks = locks;
    this._entries = locks?.entries ?? this._entries;
    if (!this.isDisposed) {
      this._locksChanged.emit(locks);
    }
  }

  private _kernelChanged(_: ISessionContext, change: { newValue: Kernel.IKernelConnection | null }): void {
    if (this._restart.why && change.newValue?.id === this._restarting) {
      return; // a restart reports its kernel as changed, before it answers
    }
    this._setLocks(null);
    this._restart.end();
    if (!change.newValue) {
      this._sessionGone();
    } else if (this._started) {
      void this.show_();
    }
    this._started = true;
  }

  private _statusChanged(_: ISessionContext, status: Kernel.Status): void {
    if (status === 'restarting' || status === 'autorestarting') {
      this._turn++;
      const kernel = this.sessionContext.session?.kernel;
      this._restarting = kernel?.id;
      this._restart.begin(status === 'autorestarting' ? 'died' : 'restarted', () => {
        kernel?.reconnect().catch(error => console.warn('gt_secure: no connection with the kernel yet', error));
      });
      this._output.model.clear();
      this._setLocks(null);
      this._tell('The kernel restarts …');
    } else if (status === 'dead') {
      this._turn++;
      this._restart.end();
      this._output.model.clear();
      this._setLocks(null);
      const what = 'Nothing in AWS has changed by that.';
      this._fail('The kernel died.', what, this._restartButton());
    }
  }

  private _connectionChanged(_: ISessionContext, status: Kernel.ConnectionStatus): void {
    this.toggleClass('gts-lab-offline', status !== 'connected');
    if (status === 'connected') {
      this._restart.connected();
    }
  }

  private _messageArrived(_: ISessionContext, message: KernelMessage.IIOPubMessage): void {
    const client = this.sessionContext.session?.kernel?.clientId;
    if (client && this._restart.isBack(message, client)) {
      const what = this._restart.why === 'died' ? 'died and was started again' : 'was restarted';
      this._restart.end();
      this._notice = `The kernel ${what}. Your entries are back, the test URL and the requests are not.`;
      void this.show_();
    }
  }

  private _sessionChanged(_: ISessionContext, change: { newValue: unknown }): void {
    if (!change.newValue) {
      this._sessionGone();
    }
  }

  private _sessionGone(): void {
    if (this._started && !this.isDisposed) {
      this._turn++;
      this._output.model.clear();
      this._setLocks(null);
      this._fail('The kernel was shut down.', 'Nothing in AWS has changed by that.', this._restartButton());
    }
  }

  private _tell(text: string, kind = 'busy'): void {
    this._draw(kind, text ? [paragraph(text)] : [], 'status');
  }

  private _fail(first: string, rest: string, more: IMore = { buttons: [] }): void {
    const strong = document.createElement('strong');
    strong.textContent = first;
    const nodes: HTMLElement[] = [strong, paragraph(rest)];
    if (more.code) {
      const code = document.createElement('code');
      code.textContent = more.code;
      nodes.push(code);
    }
    const row = document.createElement('div');
    row.append(...more.buttons);
    this._draw('error', [...nodes, row], 'alert');
  }

  private _draw(kind: string, nodes: HTMLElement[], role: string): void {
    const { node } = this._message;
    node.dataset.kind = kind;
    node.setAttribute('role', role);
    node.replaceChildren(...nodes);
    this._message.setHidden(nodes.length === 0);
  }

  private _againButton(): IMore {
    return { buttons: [button('Try again', () => void this.show_())] };
  }

  private _chooseButton(): IMore {
    return { buttons: [button('Choose a kernel', () => void this._options.chooseKernel(this.sessionContext))] };
  }

  private _restartButton(): IMore {
    return { buttons: [button('Start again', () => void this._startAgain())] };
  }

  private async _startAgain(): Promise<void> {
    this._tell('Starting a kernel …');
    this._started = true; // so that the new kernel shows the panel
    const { session } = this.sessionContext;
    if (session?.kernel && session.kernel.status !== 'dead') {
      await this.show_();
      return;
    }
    const name = session?.kernel?.name ?? this.sessionContext.kernelPreference.name ?? undefined;
    try {
      await this.sessionContext.changeKernel(name ? { name } : {});
    } catch (error) {
      this._fail('No kernel could be started.', String((error as Error).message ?? error), this._restartButton());
    }
  }

  private readonly _message: Widget;
  private readonly _output: SimplifiedOutputArea;
  private readonly _locksChanged = new Signal<this, ILocks | null>(this);
  private _locks: ILocks | null = null;
  private _turn = 0;
  private _started = false;
  private readonly _restart = new RestartWatch();
  private _restarting: string | undefined;
  private _focused: HTMLElement | null = null;
  private _pressed = false;
  private _notice = '';
  private _entries = '';
}

export namespace AccessPanel {
  export interface IOptions {
    sessionContext: SessionContext;
    rendermime: IRenderMimeRegistry;
    choices: () => IChoices;
    chooseKernel: (context: ISessionContext) => Promise<void>;
  }
}

interface IMore {
  code?: string;
  buttons: HTMLButtonElement[];
}

function paragraph(text: string): HTMLElement {
  const node = document.createElement('p');
  node.textContent = text;
  return node;
}

function button(text: string, action: () => void): HTMLButtonElement {
  const node = document.createElement('button');
  node.className = 'jp-mod-styled jp-mod-accept';
  node.type = 'button';
  node.textContent = text;
  node.addEventListener('click', action);
  return node;
}

/** Evaluate an expression in a kernel; an empty text when it cannot. */
async function askKernel(kernel: Kernel.IKernelConnection, expression: string): Promise<string> {
  const future = kernel.requestExecute({
    code: '',
    silent: true,
    store_history: false,
    user_expressions: { value: expression }
  });
  const content = (await future.done).content as {
    user_expressions?: { value?: { data?: { 'text/plain'?: string } } };
  };
  const text = content.user_expressions?.value?.data?.['text/plain'] ?? '';
  return text.replace(/^'|'$/g, '').replace(/\\\\/g, '\\');
}
