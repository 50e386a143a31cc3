// What the API answers, and its errors as sentences.

/** Returns the answer of the API, or throws its error in one line. */
export async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    throw error.name === 'AbortError' ? error : new Error("the server can't be reached");
  }
  const content = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(content?.error ?? `the server answered ${answer.status}`);
  return content;
}

/** An error as a sentence. */
export function sentence(error) {
  return `${error.message[0].toUpperCase()}${error.message.slice(1)}.`;
}
