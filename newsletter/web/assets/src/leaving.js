// Which clicks lead away from this page.

// The link to another page of this site that a click opens in this tab; undefined if it does something else.
export function followed(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return undefined;
  const isElsewhere = link.target || link.hasAttribute("download") || link.origin !== location.origin;
  const isOnThisPage = link.hash && link.pathname === location.pathname && link.search === location.search;
  return isElsewhere || isOnThisPage ? undefined : link;
}
