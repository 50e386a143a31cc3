// What is found, in place of the list of all messages.

import { ask, sentence } from './ask.js';
import { element, note } from './note.js';
import { row } from './row.js';

/** How many messages a search finds at most. */
const FOUND = 50;
/** How long typing pauses before it is searched for, in milliseconds. */
const TYPING_PAUSE = 150;

export class Search {
  #words = element('words');
  #note = element('results-note');
  #place = element('found');
  #timer = 0;
  #loading = null;
  /** Where the list was scrolled to when the search began. */
  #scrolled = 0;

  constructor() {
    this.#words.addEventListener('input', () => this.#typed());
    element('search').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#run();
    });
  }

  clear() {
    this.#words.value = '';
    this.#run();
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), TYPING_PAUSE);
  }

  async #run() {
    clearTimeout(this.#timer);
    this.#loading?.abort();
    const words = this.#words.value.trim();
    if (words === '') return this.#close();
    const loading = new AbortController();
    this.#loading = loading;
    const query = new URLSearchParams({ q: words, limit: FOUND });
    try {
      const { found, more } = await ask(`/api/search?${query}`, { signal: loading.signal });
      this.#show(found, more);
    } catch (error) {
      if (loading.signal.aborted) return;
      this.#show([]);
      note(this.#note, sentence(error), () => this.#run());
    }
  }

  #show(found, more) {
    this.#open();
    const rows = found.map(({ message, subject, body }) => row(message, subject, body));
    this.#place.replaceChildren(...rows);
    note(this.#note, messagesFound(found.length, more));
    scrollTo(0, 0);
  }

  #open() {
    if (element('list').hidden) return;
    this.#scrolled = scrollY;
    element('list').hidden = true;
    element('results').hidden = false;
  }

  #close() {
    note(this.#note, '');
    if (!element('list').hidden) return;
    this.#place.replaceChildren();
    element('results').hidden = true;
    element('list').hidden = false;
    scrollTo(0, this.#scrolled);
  }
}

function messagesFound(count, more) {
  if (count === 0) return 'Nothing found.';
  if (more) return count === 1 ? 'This is the best.' : `These are the best ${count}.`;
  return count === 1 ? '1 message found.' : `${count} messages found.`;
}
