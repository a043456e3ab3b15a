/** Looks at what is left of an output after masking, in another way than the search. Python has it in `second_look.py`. */

import { turnsOf } from './breaks';
import { decode, MASK, patterns } from './recogniser';

/** Members whose text is of the format, not of the output. */
const LABELS = ['output_type', 'name', 'mime', 'model_name', 'model_module'];

const [FEW, MANY, BESIDE, NEAR] = [3, 5, 24, 200];

/** Whether a part of a secret seems to be left beside a mask: a word that looks drawn by chance is behind it. */
export function holdsRest(value: unknown): boolean {
  const { text } = decode([...textsOf(value)].join('\x00'));
  for (let at = text.indexOf(MASK); at >= 0; at = text.indexOf(MASK, at + MASK.length)) {
    const end = at + MASK.length;
    const pieces = [...text.slice(end, end + NEAR).matchAll(patterns.piece)];
    const turns = pieces.map(([piece]) => turnsOf(piece).length);
    const many = turns.reduce((sum, each) => sum + (each > FEW ? each : 0), 0) >= MANY;
    if (many || (turns[0] >= FEW && pieces[0].index <= BESIDE)) {
      return true;
    }
  }
  return false;
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
