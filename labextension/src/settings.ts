import type { ISettingRegistry } from '@jupyterlab/settingregistry';

/** What a person set for the extension; an empty text means the default of the kernel. */
export interface IChoices {
  profile: string;
  region: string;
  team: string;
  bucket: string;
  kernel: string;
  showStatus: boolean;
  secretCheck: string;
  accepted: string[];
  openAtStart: boolean;
}

export const DEFAULTS: IChoices = {
  profile: '',
  region: '',
  team: '',
  bucket: '',
  kernel: '',
  showStatus: true,
  secretCheck: 'ask',
  accepted: [],
  openAtStart: false
};

/** Read the settings; what is missing or has another type keeps its default. */
export function readChoices(settings: ISettingRegistry.ISettings | null): IChoices {
  const choices: Record<string, unknown> = { ...DEFAULTS };
  for (const [name, usual] of Object.entries(DEFAULTS)) {
    const value = settings?.get(name).composite;
    if (typeof value === typeof usual) {
      choices[name] = typeof value === 'string' ? value.trim() : value;
    }
  }
  return choices as unknown as IChoices;
}
