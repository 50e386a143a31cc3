// The page of `message-store serve`.
//
// - `list.js` shows all messages, and `search.js` what is found in place of them.
//   `row.js` makes the element of one message.
// - `follow` keeps the server-sent events coming: after a break it asks for what
//   came behind the last message seen, so none is missed. `news.js` says so.
// - `send` is the form.
// - `ask.js` talks to the API, and `note.js` says what failed.

import { ask, sentence } from './ask.js';
import { List } from './list.js';
import { retryFailed } from './note.js';
import { Search } from './search.js';

/** How long to wait before connecting again, in milliseconds: at first, at most. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 5000;

const element = (id) => document.getElementById(id);

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
