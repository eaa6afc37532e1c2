// Asking the server: one form sent, one JSON answer, and status 0 where nobody answers.

const token = () => document.querySelector("#manuscript [name=csrf_token]");
const openedBy = () => document.querySelector("#manuscript [name=opened_by]").value;

export async function ask(address, body, { signal, again = true } = {}) {
  let answer;
  try {
    const headers = { Accept: "application/json", "X-CSRFToken": token().value, "X-Opened-By": openedBy() };
    answer = await fetch(address, { method: "POST", body, headers, signal, redirect: "error" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return { status: 0 };
  }
  const parsed = await answer.json().catch(() => ({}));
  // After a new sign-in the form's old token is worth nothing; the page itself has a new one.
  if (answer.status === 400 && again && (await renewToken())) return ask(address, body, { signal, again: false });
  return { ...parsed, status: answer.status };
}

async function renewToken() {
  const page = await fetch(location.href).then((answer) => answer.text(), () => "");
  const fresh = new DOMParser().parseFromString(page, "text/html").querySelector("#manuscript [name=csrf_token]");
  if (!fresh || fresh.value === token().value) return false;
  token().value = fresh.value;
  return true;
}
