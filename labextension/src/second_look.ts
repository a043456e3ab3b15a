/** Looks at what is left of an output after masking, in another way than the search. Python has it in `second_look.py`. */

import { decode, MASK, patterns } from './recogniser';

/** Members whose text is of the format, not of the output. */
const LABELS = ['output_type', 'name', 'mime', 'model_name', 'model_module'];

/** Whether a part of a secret seems to be left beside a mask. */
export function holdsRest(value: unknown): boolean {
  const { text } = decode([...textsOf(value)].join('\x00'));
  const flat = text.includes(MASK) ? text.replace(patterns.margin, '') : '';
  const rests = [...flat.matchAll(patterns.rest)].some(([, rest]) => /[a-z]/.test(rest) && /[A-Z]/.test(rest));
  return (
    rests ||
    [...flat.matchAll(patterns.beside)].some(([, key]) => [/[a-z]/, /[A-Z]/, /[0-9]/].every(kind => kind.test(key)))
  );
}

function* textsOf(value: unknown): Generator<string> {
  if (typeof value === 'string') {
    yield value;
  } else if (Array.isArray(value)) {
    if (value.every(each => typeof each === 'string')) {
      yield value.join('');
    } else {
      for (const each of value) {
        yield* textsOf(each);
      }
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, each] of Object.entries(value)) {
      if (!LABELS.includes(name)) {
        yield* textsOf(each);
      }
    }
  }
}
