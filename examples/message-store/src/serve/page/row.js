// The element of one message. Everything from a message becomes text, never HTML.

import { ask, sentence } from './ask.js';

/** How much of a text is shown at first. */
const CHARACTERS = 600;
const LINES = 10;
/** How much of a long text is shown before the first match. */
const BEFORE_MATCH = 120;

const template = document.getElementById('row');
const timeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/**
 * Makes the element of a message. Its texts are in pieces, of which some match
 * what was searched for.
 */
export function row(message, subject = plain(message.subject), body = plain(message.body)) {
  const article = template.content.firstElementChild.cloneNode(true);
  const part = (name) => article.querySelector(`.${name}`);
  article.dataset.id = message.id;
  article.setAttribute('aria-label', `Message from ${message.sender} to ${message.recipient}`);
  part('initial').textContent = initial(message.sender);
  part('initial').style.setProperty('--hue', hue(message.sender));
  part('sender').textContent = name(message.sender);
  part('recipient').textContent = name(message.recipient);
  showTime(part('time'), message.sent_at);
  showPieces(part('subject'), subject);
  const { start, end, length } = excerpt(body);
  showPieces(part('body'), slice(body, start, end), start > 0, end < length || message.cut);
  if (start > 0 || end < length || message.cut) {
    part('more').hidden = false;
    part('more').addEventListener('click', () => showAll(article, message, body));
  }
  return article;
}

function plain(text) {
  return text ? [{ text, match: false }] : [];
}

/** A name without the signs that turn the direction of writing: none is to look like another. */
function name(text) {
  return text.replace(/[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g, '\uFFFD');
}

/** The first letter of a name. */
function initial(sender) {
  return (sender.match(/[\p{L}\p{N}]/u)?.[0] ?? '·').toUpperCase();
}

/** The colour of a name, in degrees. */
function hue(sender) {
  let sum = 0;
  for (const character of sender) sum = (sum * 31 + character.codePointAt(0)) % 360;
  return sum;
}

function showTime(place, sentAt) {
  const time = new Date(sentAt);
  const known = !Number.isNaN(time.getTime());
  place.textContent = known ? timeFormat.format(time) : sentAt;
  if (known) place.dateTime = sentAt;
}

function showPieces(place, pieces, cutBefore = false, cutBehind = false) {
  const nodes = pieces.map(({ text, match }) => {
    if (!match) return text;
    const mark = document.createElement('mark');
    mark.textContent = text;
    return mark;
  });
  place.replaceChildren(cutBefore ? '… ' : '', ...nodes, cutBehind ? ' …' : '');
}

/**
 * Which part of a text is shown at first: its beginning, or what lies around the
 * first match if that is further down.
 */
function excerpt(pieces) {
  const text = pieces.map((piece) => piece.text).join('').trimEnd();
  const firstMatch = pieces.findIndex((piece) => piece.match);
  const before = pieces.slice(0, Math.max(firstMatch, 0)).reduce((sum, piece) => sum + piece.text.length, 0);
  const fromStart = excerptEnd(text, 0);
  if (before < fromStart) return { start: 0, end: fromStart, length: text.length };
  const start = wordStart(text, before - BEFORE_MATCH);
  return { start, end: excerptEnd(text, start), length: text.length };
}

/** Where an excerpt ends that starts there: after so many lines or characters. */
function excerptEnd(text, start) {
  let end = start;
  for (let line = 0; line < LINES && end !== -1; line += 1) end = text.indexOf('\n', end + 1);
  if (end === -1) end = text.length;
  return end - start > CHARACTERS ? wordStart(text, start + CHARACTERS) : end;
}

/** The start of the word at an index, or nearly the index if that word is long. */
function wordStart(text, index) {
  const start = text.slice(Math.max(index - 30, 0), index).search(/\s\S*$/);
  if (start !== -1) return Math.max(index - 30, 0) + start + 1;
  const insidePair = /[\uDC00-\uDFFF]/.test(text[index] ?? '');
  return Math.max(insidePair ? index - 1 : index, 0);
}

/** The pieces of a part of their text. */
function slice(pieces, start, end) {
  let offset = 0;
  const part = [];
  for (const { text, match } of pieces) {
    const cut = text.slice(Math.max(start - offset, 0), Math.max(end - offset, 0));
    if (cut) part.push({ text: cut, match });
    offset += text.length;
  }
  return part;
}

async function showAll(article, message, body) {
  const button = article.querySelector('.more');
  try {
    const whole = message.cut ? plain((await ask(`/api/messages/${message.id}`)).body) : body;
    showPieces(article.querySelector('.body'), whole);
  } catch (error) {
    button.textContent = `${sentence(error)} Try again`;
    return;
  }
  button.hidden = true;
  article.focus();
}
