/** Tells when a kernel that died or was restarted answers again. */

import type { KernelMessage } from '@jupyterlab/services';

/** Runs something later; returns what calls it off. */
export type Later = (action: () => void, ms: number) => () => void;

/** How long a kernel may be silent until its connection is made anew; doubled each time. */
export const FIRST_WAIT_MS = 4000;
export const LONGEST_WAIT_MS = 30_000;

const timer: Later = (action, ms) => {
  const id = setTimeout(action, ms);
  return () => clearTimeout(id);
};

/**
 * Waits for the first sign of life of a restarted kernel.
 *
 * The status "idle" is none: JupyterLab does not count the answer to its own kernel_info_request, and sends nothing else
 * unless widgets do. And all that may be missed: the server connects a page without a delay when the kernel was busy as it
 * died, so its subscription can come later than what the new kernel says first. So the answer to kernel_info_request
 * counts, and a connection that hears none is made anew, which asks again.
 */
export class RestartWatch {
  constructor(private readonly _later: Later = timer) {}

  /** What the kernel does: it restarts after its death, or because somebody asked for it; empty when neither. */
  get why(): '' | 'died' | 'restarted' {
    return this._why;
  }

  /** The kernel went away. */
  begin(why: 'died' | 'restarted', reconnect: () => void): void {
    this.end();
    this._why = why;
    this._reconnect = reconnect;
  }

  /** The page is connected with the server again, which has asked the kernel. */
  connected(): void {
    if (this._why && !this._stop) {
      this._wait(FIRST_WAIT_MS);
    }
  }

  /** Whether this message is the first sign of life; of the page's own question, so that no older one counts. */
  isBack(message: KernelMessage.IIOPubMessage, client: string): boolean {
    const parent = message.parent_header as Partial<KernelMessage.IHeader>;
    return (
      this._stop !== null &&
      message.header.msg_type === 'status' &&
      (message.content as { execution_state?: string }).execution_state === 'idle' &&
      parent.msg_type === 'kernel_info_request' &&
      parent.session === client
    );
  }

  /** Nobody waits any more. */
  end(): void {
    this._stop?.();
    this._stop = null;
    this._why = '';
  }

  private _wait(ms: number): void {
    this._stop = this._later(() => {
      this._wait(Math.min(2 * ms, LONGEST_WAIT_MS));
      this._reconnect();
    }, ms);
  }

  private _why: '' | 'died' | 'restarted' = '';
  private _reconnect: () => void = () => undefined;
  private _stop: (() => void) | null = null;
}
