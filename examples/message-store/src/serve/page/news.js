// How many messages came, in words.

/** New messages are spoken of together, so often, in milliseconds. */
const NEWS_PAUSE = 1000;

let news = 0;
let newsTimer = 0;

/** Has a screen reader say that messages came, those of a moment together. */
export function announce(count) {
  news += count;
  newsTimer ||= setTimeout(() => {
    document.getElementById('news').textContent = newMessages(news);
    news = 0;
    newsTimer = 0;
  }, NEWS_PAUSE);
}

export function newMessages(count) {
  return count === 1 ? '1 new message' : `${count} new messages`;
}
