// One document made into another by exchanging only what differs, so that nothing flashes and nothing scrolls away.

export function match(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName || old.nodeType !== Node.ELEMENT_NODE) {
    old.replaceWith(fresh);
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  matchChildren(old, [...old.childNodes], [...fresh.childNodes]);
}

function matchChildren(parent, old, fresh) {
  while (old.length && fresh.length && old[0].isEqualNode(fresh[0])) [old, fresh].forEach((nodes) => nodes.shift());
  const after = old.at(-1)?.nextSibling ?? null;
  let end = after;
  while (old.length && fresh.length && old.at(-1).isEqualNode(fresh.at(-1))) {
    end = old.pop();
    fresh.pop();
  }
  const both = Math.min(old.length, fresh.length);
  for (let place = 0; place < both; place += 1) match(old[place], fresh[place]);
  old.slice(both).forEach((node) => node.remove());
  fresh.slice(both).forEach((node) => parent.insertBefore(node, end));
}
