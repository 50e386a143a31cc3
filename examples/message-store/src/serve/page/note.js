// The elements of the page, what is noted in them, and what is tried again.

export const element = (id) => document.getElementById(id);

/** What to do when the server is back, by the element that says what failed. */
const failed = new Map();

/** Says something below a list; with `retry`, that it failed and can be tried again. */
export function note(place, text, retry) {
  failed.delete(place);
  place.textContent = text;
  if (!retry) return;
  failed.set(place, retry);
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Try again';
  button.addEventListener('click', retry);
  place.append(' ', button);
}

export function retryFailed() {
  for (const retry of [...failed.values()]) retry();
}
