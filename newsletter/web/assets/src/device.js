// Texts kept on this device, in IndexedDB, until the server has them: one for each issue and window.

const STORE = "texts";

function opened() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open("newsletter-desk", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: ["issue", "tab"] });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

let database;

async function run(mode, act) {
  try {
    database ??= opened();
    const store = (await database).transaction(STORE, mode).objectStore(STORE);
    const asked = act(store);
    return await new Promise((resolve, reject) => {
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  } catch {
    // A browser that keeps nothing (a private window, a full disk) is no reason to stop writing.
    return undefined;
  }
}

export const put = (text) => run("readwrite", (store) => store.put(text));

export const remove = ({ issue, tab }) => run("readwrite", (store) => store.delete([issue, tab]));

export const left = (issue, writer) => within([issue], [issue, []], writer);

// The texts of pages on which no issue was begun.
export const leftUnbegun = (writer) => within(["new-"], ["new-\uffff"], writer);

async function within(first, last, writer) {
  const every = (await run("readonly", (store) => store.getAll(IDBKeyRange.bound(first, last)))) ?? [];
  return every.filter((text) => text.writer === writer).sort((one, other) => other.at - one.at);
}
