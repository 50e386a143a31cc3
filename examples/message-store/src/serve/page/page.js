// The message list of `message-store serve`.
//
// - `List` shows all messages, newest first, as sheets: a sheet is one page of
//   the API. Scrolling down adds sheets. One that is far from the view gives its
//   rows up and keeps their height, and loads them again when it comes near, so
//   neither the document nor the memory grows with what has been seen.
// - `follow` keeps the server-sent events coming: after a break it asks for what
//   came behind the last message seen, so none is missed.
// - `send` is the form.
//
// What fails for want of the server is said where it is missed, and tried again
// by its button or when the server is back, whichever comes first: see `note.js`.
// `search.js` shows what is found in place of the list, `row.js` makes the element
// of one message, and `ask.js` talks to the API.

import { ask, sentence } from './ask.js';
import { element, note, retryFailed } from './note.js';
import { row } from './row.js';
import { Search } from './search.js';

/** How many messages a sheet has. */
const SHEET = 400;
/** How far from the view the rows of a sheet are kept, and older ones loaded. */
const NEAR = '150% 0px';
/** How long to wait before connecting again, in milliseconds: at first, at most. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 5000;
/** New messages are spoken of together, so often, in milliseconds. */
const NEWS_PAUSE = 1000;

/** Asks for a page of messages: the newest, or the one of a cursor. */
function page(cursor, signal) {
  const query = new URLSearchParams({ limit: SHEET });
  if (cursor !== undefined) query.set('cursor', cursor);
  return ask(`/api/messages?${query}`, { signal });
}

// All messages

/** One page of the list, whose rows are there while it is near the view. */
class Sheet {
  element = document.createElement('div');
  #messages;
  #cursor;
  #loading = null;

  /** A sheet keeps the messages it is given, or loads those of its cursor. */
  constructor({ messages, cursor }) {
    this.element.className = 'sheet';
    this.#messages = messages;
    this.#cursor = cursor;
  }

  /** How many messages it keeps. */
  get length() {
    return this.#messages.length;
  }

  /** The number of the newest message it keeps. */
  get newest() {
    return this.#messages[0].id;
  }

  show(messages) {
    this.element.style.height = '';
    this.element.replaceChildren(...messages.map((message) => row(message)));
  }

  /** Adds messages on top, the oldest first. */
  prepend(messages) {
    for (const message of messages) {
      const article = row(message);
      article.classList.add('fresh');
      this.#messages.unshift(message);
      this.element.prepend(article);
    }
  }

  async fill() {
    if (this.element.hasChildNodes() || this.#loading) return;
    if (this.#messages) return this.show(this.#messages);
    const loading = new AbortController();
    this.#loading = loading;
    failed.delete(this.element);
    try {
      this.show((await page(this.#cursor, loading.signal)).messages);
    } catch {
      // The connection shows that the server is gone: an empty place is enough.
      if (!loading.signal.aborted) failed.set(this.element, () => this.fill());
    } finally {
      if (this.#loading === loading) this.#loading = null;
    }
  }

  /** Gives the rows up, and keeps their height. */
  empty(height) {
    this.#loading?.abort();
    this.#loading = null;
    failed.delete(this.element);
    if (!this.element.hasChildNodes()) return;
    this.element.style.height = `${height}px`;
    this.element.replaceChildren();
  }
}

class List {
  /** The number of the newest message that is known of. */
  seen = 0;
  #place = element('sheets');
  #note = element('list-note');
  /** The sheets by their elements. */
  #sheets = new Map();
  /** The sheet on top: the newest page as it was, and what has come since. */
  #head = null;
  /** The number of the message on top. */
  #newest = 0;
  /** The cursor of the next older page; undefined at the end. */
  #next;
  #loading = null;
  #beginning = null;
  /** What came since the last frame. */
  #arrived = [];
  #frame = 0;
  /** How many have come that are not shown, since the view is further down. */
  #waiting = 0;
  #atTop = true;
  #near = new IntersectionObserver((entries) => this.#moved(entries), { rootMargin: NEAR });
  #end = new IntersectionObserver((entries) => this.#endMoved(entries), { rootMargin: NEAR });
  #top = new IntersectionObserver((entries) => this.#topMoved(entries));

  constructor() {
    this.#top.observe(element('newest'));
  }

  /**
   * Shows the newest messages in place of what is shown. Says whether it could;
   * if not, `retry` is what the button does.
   */
  async begin(retry = () => this.begin()) {
    this.#loading?.abort();
    const beginning = {};
    this.#beginning = beginning;
    const first = await this.#load(undefined, retry);
    // Another one may have begun since.
    if (this.#beginning !== beginning) return false;
    this.#beginning = null;
    if (!first) return false;
    this.#clear();
    this.#newest = first.messages[0]?.id ?? 0;
    this.seen = Math.max(this.seen, this.#newest);
    this.#head = new Sheet({ messages: first.messages });
    this.#append(this.#head, first);
    this.#showArrived();
    return true;
  }

  /** Takes a message that has just been stored. */
  arrived(message) {
    if (message.id <= this.seen) return;
    this.seen = message.id;
    this.#arrived.push(message);
    // In a tab that nobody looks at there may be no frame for hours.
    if (this.#arrived.length > SHEET) this.#showArrived();
    else this.#frame ||= requestAnimationFrame(() => this.#showArrived());
  }

  #showArrived() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    // What comes while the newest page is loaded may be on it, or not.
    if (this.#beginning) return;
    const messages = this.#arrived.filter((message) => message.id > this.#newest);
    this.#arrived = [];
    if (messages.length === 0) return;
    announce(messages.length);
    if (!this.#atTop) this.#wait(this.#waiting + messages.length);
    else if (this.#head.length + messages.length > 2 * SHEET) this.begin();
    else this.#prepend(messages);
  }

  #prepend(messages) {
    this.#head.prepend(messages);
    this.#newest = this.#head.newest;
    if (this.#next === undefined) this.#sayEnd();
  }

  #wait(count) {
    this.#waiting = count;
    const button = element('waiting');
    button.hidden = count === 0;
    button.textContent = newMessages(count);
  }

  async #more() {
    if (this.#loading || this.#next === undefined) return;
    const cursor = this.#next;
    const older = await this.#load(cursor, () => this.#more());
    if (older) this.#append(new Sheet({ cursor }), older);
  }

  async #load(cursor, retry) {
    const loading = new AbortController();
    this.#loading = loading;
    note(this.#note, 'Loading …');
    try {
      return await page(cursor, loading.signal);
    } catch (error) {
      if (!loading.signal.aborted) note(this.#note, sentence(error), retry);
      return null;
    } finally {
      if (this.#loading === loading) this.#loading = null;
    }
  }

  #append(sheet, { messages, next }) {
    this.#next = next;
    this.#sheets.set(sheet.element, sheet);
    sheet.show(messages);
    this.#place.append(sheet.element);
    this.#near.observe(sheet.element);
    this.#sayEnd();
    // An observer tells of changes only, and the end may still be in view.
    this.#end.unobserve(this.#note);
    this.#end.observe(this.#note);
  }

  #sayEnd() {
    const end = this.#newest === 0 ? 'No messages yet.' : 'No older messages.';
    note(this.#note, this.#next === undefined ? end : '');
  }

  #clear() {
    for (const [place, sheet] of this.#sheets) {
      this.#near.unobserve(place);
      sheet.empty(0);
    }
    this.#sheets.clear();
    this.#place.replaceChildren();
    this.#wait(0);
  }

  #moved(entries) {
    // Behind the results of a search the list stays as it is.
    if (element('list').hidden) return;
    for (const { target, isIntersecting, boundingClientRect } of entries) {
      const sheet = this.#sheets.get(target);
      if (isIntersecting) sheet?.fill();
      else sheet?.empty(boundingClientRect.height);
    }
  }

  #endMoved(entries) {
    if (entries.at(-1).isIntersecting) this.#more();
  }

  #topMoved(entries) {
    this.#atTop = entries.at(-1).isIntersecting;
    if (this.#atTop && this.#waiting > 0) this.begin();
  }
}

// New messages

const list = new List();
const search = new Search();

let connection = null;
let wait = FIRST_WAIT;
let waitTimer = 0;

/** Follows the messages behind the last one seen, and goes on so after a break. */
function follow() {
  connection = new EventSource(`/api/events?after=${list.seen}`);
  connection.addEventListener('message', (event) => list.arrived(JSON.parse(event.data)));
  connection.addEventListener('open', () => {
    wait = FIRST_WAIT;
    showConnection('live');
    retryFailed();
  });
  // Browsers differ in what they do by themselves, and in when they give up.
  connection.addEventListener('error', () => {
    unfollow();
    showConnection('reconnecting');
    waitTimer = setTimeout(follow, wait);
    wait = Math.min(2 * wait, LONGEST_WAIT);
  });
}

function unfollow() {
  clearTimeout(waitTimer);
  connection?.close();
  connection = null;
}

/** A tab that nobody looks at keeps no connection: browsers have few of them. */
function followIfSeen() {
  unfollow();
  if (!document.hidden) follow();
}

function showConnection(state) {
  element('connection').dataset.state = state;
  element('connection').textContent = state;
}

let news = 0;
let newsTimer = 0;

/** Has a screen reader say that messages came, those of a moment together. */
function announce(count) {
  news += count;
  newsTimer ||= setTimeout(() => {
    element('news').textContent = newMessages(news);
    news = 0;
    newsTimer = 0;
  }, NEWS_PAUSE);
}

function newMessages(count) {
  return count === 1 ? '1 new message' : `${count} new messages`;
}

// The form

const form = element('message-form');
const fields = form.elements;

async function send() {
  const button = form.querySelector('.send');
  if (button.disabled) return;
  button.disabled = true;
  refuse('');
  try {
    await ask('/api/messages', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(written()),
    });
    sent();
  } catch (error) {
    refuse(sentence(error));
  } finally {
    button.disabled = false;
  }
}

function written() {
  return {
    sender: fields.sender.value,
    recipient: fields.recipient.value,
    subject: fields.subject.value || undefined,
    body: fields.body.value,
  };
}

/** Makes room for the next message, which may well be between the same two. */
function sent() {
  fields.subject.value = '';
  fields.body.value = '';
  if (element('compose').classList.contains('open')) {
    toggleForm();
    element('write').focus();
  } else {
    fields.body.focus();
  }
}

function refuse(why) {
  element('refusal').textContent = why;
  element('refusal').hidden = why === '';
}

function toggleForm() {
  const open = element('compose').classList.toggle('open');
  element('write').setAttribute('aria-expanded', open);
  if (!open) return;
  scrollTo(0, 0);
  (fields.sender.value ? fields.recipient : fields.sender).focus();
}

// The beginning

async function start() {
  if (!(await list.begin(start))) return;
  followIfSeen();
  document.addEventListener('visibilitychange', followIfSeen);
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  send();
});
form.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
element('write').addEventListener('click', toggleForm);
element('waiting').addEventListener('click', () => {
  search.clear();
  scrollTo(0, 0);
});
start();
