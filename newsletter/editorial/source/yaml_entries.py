"""Front matter read as YAML nodes, so that every error can name its line.

Only plain YAML is accepted: no tags, no anchors or aliases (a few lines of them can expand to gigabytes), and no
nesting beyond a list of mappings.
"""

import re
from collections.abc import Iterator

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from newsletter.editorial.source.entries import Entry, Fault

_FIRST_LINE = 2
_DEEPEST = 4  # the front matter, a list, its mappings, their values
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_NULL = "tag:yaml.org,2002:null"


class _Loader(yaml.SafeLoader):
    """Composes plain nodes; an alias, an anchor, a tag or deep nesting raises YAMLError."""

    depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise yaml.MarkedYAMLError(
                problem="a value that begins with &, * or ! must be quoted", problem_mark=event.start_mark
            )
        if self.depth == _DEEPEST:
            raise yaml.MarkedYAMLError(problem="this is nested too deeply", problem_mark=event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_entries(text: str, faults: list[Fault]) -> dict[str, Entry]:
    """The entries of a front matter; what is wrong with it is added to the faults."""
    root, fault = _composed(text)
    if fault:
        return _none_with(fault, faults)
    if root is None or (isinstance(root, ScalarNode) and root.tag == _NULL):
        return {}
    if not isinstance(root, MappingNode):
        return _none_with(Fault(_FIRST_LINE, "front matter has no fields; write each as `field: value`"), faults)
    return _mapping(root, faults)


def _composed(text: str) -> tuple[Node | None, Fault | None]:
    """The root node, or the fault that prevents reading it."""
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = _FIRST_LINE + text.count("\n", 0, error.position)
        return None, Fault(line, f"front matter contains a character that YAML forbids: U+{error.character:04X}")
    try:
        return loader.get_single_node(), None
    except yaml.MarkedYAMLError as error:
        return None, _syntax(error)
    except (yaml.YAMLError, ValueError, OverflowError):
        # PyYAML passes an escape beyond Unicode to chr(), whose error has no line.
        return None, Fault(loader.line + _FIRST_LINE, "front matter is not YAML: this line cannot be read; retype it")


def _none_with(fault: Fault, faults: list[Fault]) -> dict[str, Entry]:
    faults.append(fault)
    return {}


def _syntax(error: yaml.MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "it cannot be read"
    hint = "; quote a value that holds a colon" if "mapping values" in problem else ""
    return Fault(mark.line + _FIRST_LINE if mark else None, f"front matter is not YAML: {problem}{hint}")


def _mapping(node: MappingNode, faults: list[Fault]) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for key, entry in _pairs(node, faults):
        if key in entries:
            faults.append(Fault(entry.line, f'"{key}" is given twice; first on line {entries[key].line}'))
        entries.setdefault(key, entry)
    return entries


def _pairs(node: MappingNode, faults: list[Fault]) -> Iterator[tuple[str, Entry]]:
    for key, value in node.value:
        line = key.start_mark.line + _FIRST_LINE
        if isinstance(key, ScalarNode):
            yield _words(key, faults), Entry(line, _value(value, faults))
        else:
            faults.append(Fault(line, "a field's name must be a word"))


def _value(node: Node, faults: list[Fault]) -> "str | list[Entry] | dict[str, Entry]":
    if isinstance(node, MappingNode):
        return _mapping(node, faults)
    if isinstance(node, SequenceNode):
        return [Entry(item.start_mark.line + _FIRST_LINE, _value(item, faults)) for item in node.value]
    return "" if node.tag == _NULL else _words(node, faults).strip()


def _words(node: Node, faults: list[Fault]) -> str:
    """A scalar's text; an escape may be a lone surrogate, which UTF-8 cannot encode."""
    words = str(node.value)
    for character in _LONE_SURROGATE.findall(words)[:1]:
        fault = f"the escape for U+{ord(character):04X} is half a character; delete it"
        faults.append(Fault(node.start_mark.line + _FIRST_LINE, fault))
    return _LONE_SURROGATE.sub("�", words)
