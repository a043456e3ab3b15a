/** Secrets in the data of a notebook: where they are, and how they are masked. Python has the same in `saved_secrets.py`. */

import table from './secret_patterns.json';

/** One kind of secret in one place. */
export interface ISavedSecret {
  /** Such as `cell 3, output`, `the metadata` or `the widget state`; the first cell is 0. */
  place: string;
  /** Such as `the signature of a presigned URL`. */
  what: string;
}

type Data = Record<string, unknown>;

const parts = table.parts as Record<string, string>;
const rules = table.rules.map(rule => ({
  what: rule.what,
  pattern: new RegExp(
    rule.pattern.replace(/<([A-Z]+)>/g, (_, name: string) => parts[name]),
    rule.ignore_case ? 'gi' : 'g'
  )
}));
const hint = new RegExp(table.hint, 'i');

/** For a long text the rules are as fast as the hint: each begins with letters that are looked for in one pass. */
const SHORT = 2000;

function mayHold(text: string): boolean {
  return text.length > SHORT || hint.test(text);
}

/** Name the kinds of secrets in a text, and keep the secrets themselves in `secrets`. */
export function secretsIn(text: string, secrets?: Set<string>): string[] {
  if (!mayHold(text)) {
    return [];
  }
  const found: string[] = [];
  for (const { what, pattern } of rules) {
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match; match = secrets ? pattern.exec(text) : null) {
      if (!found.includes(what)) {
        found.push(what);
      }
      secrets?.add(match[0].slice(match[1].length));
    }
  }
  return found;
}

/** Replace every secret of a text. */
export function masked(text: string): string {
  if (!mayHold(text)) {
    return text;
  }
  for (const { pattern } of rules) {
    text = text.replace(pattern, (_, kept: string) => kept + table.mask);
  }
  return text;
}

/** Find the secrets of a notebook: in sources, outputs, metadata, attachments and widget state. */
export function findSecrets(book: Data, secrets?: Set<string>): ISavedSecret[] {
  const found: ISavedSecret[] = [];
  const seen = new Set<string>();
  for (const { place, name, value } of partsOf(book)) {
    for (const text of textsOf(value, name)) {
      for (const what of secretsIn(text, secrets)) {
        const key = `${place}\n${what}`;
        if (!seen.has(key)) {
          seen.add(key);
          found.push({ place, what });
        }
      }
    }
  }
  return found;
}

/** Replace the secrets of a notebook in place. */
export function maskSecrets(book: Data): void {
  for (const { name, value, owner } of partsOf(book)) {
    owner[name] = maskedValue(value, name);
  }
}

interface IPart {
  place: string;
  name: string;
  value: unknown;
  owner: Data;
}

/** The parts of a notebook that a person tells apart. */
function* partsOf(book: Data): Generator<IPart> {
  const cells = Array.isArray(book.cells) ? (book.cells as unknown[]) : [];
  for (const [i, cell] of cells.entries()) {
    if (isObject(cell)) {
      for (const [name, value] of Object.entries(cell)) {
        yield { place: `cell ${i}, ${name.replace(/s$/, '')}`, name, value, owner: cell };
      }
    }
  }
  for (const [name, value] of Object.entries(book)) {
    if (name === 'metadata' && isObject(value)) {
      for (const [inner, each] of Object.entries(value)) {
        yield {
          place: inner === 'widgets' ? 'the widget state' : 'the metadata',
          name: inner,
          value: each,
          owner: value
        };
      }
    } else if (name !== 'cells') {
      yield { place: 'the metadata', name, value, owner: book };
    }
  }
}

function isObject(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPicture(name: string): boolean {
  return table.skipped.some(each => name.startsWith(each));
}

/** Every text in a value; lists of lines also as one, members with their name, pictures left out. */
function textsOf(value: unknown, name: string): string[] {
  const texts: string[] = [];
  const walk = (item: unknown, key: string | null): void => {
    if (typeof item === 'string') {
      texts.push(key === null ? item : `${key}="${item}"`);
    } else if (Array.isArray(item)) {
      if (item.length && item.every(each => typeof each === 'string')) {
        texts.push(item.join('')); // a text may be saved as a list of its lines
      }
      for (const each of item) {
        walk(each, null);
      }
    } else if (isObject(item)) {
      for (const inner in item) {
        if (!isPicture(inner)) {
          texts.push(inner);
          walk(item[inner], inner);
        }
      }
    }
  };
  walk(value, name);
  return texts;
}

function maskedValue(value: unknown, name: string | null): unknown {
  if (typeof value === 'string') {
    if (name === null) {
      return masked(value);
    }
    const head = `${name}="`;
    const text = masked(`${head}${value}"`);
    return text.startsWith(head) && text.endsWith('"') ? text.slice(head.length, -1) : table.mask;
  }
  if (Array.isArray(value)) {
    const items = value.map(each => maskedValue(each, null));
    if (items.length && items.every(each => typeof each === 'string')) {
      const whole = items.join('');
      const clean = masked(whole);
      return clean === whole ? items : clean.split(/(?<=\n)/);
    }
    return items;
  }
  if (isObject(value)) {
    const result: Data = {};
    for (const [inner, each] of Object.entries(value)) {
      result[masked(inner)] = isPicture(inner) ? each : maskedValue(each, inner);
    }
    return result;
  }
  return value;
}
