"""What a press makes once and each test would make anew: compiled statements, templates and routes; and what is slow.

A test has an engine and an app of its own. Without this, making them ready takes more time than what is tested. The
hashes of passwords are weak, SQLite does not wait for the disk, and the search for garbage passes over what stays.
"""

import gc
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from types import CodeType
from typing import Any, ClassVar

import pytest
import xdist
from argon2 import PasswordHasher
from flask import Flask
from flask.templating import Environment
from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Engine, create_engine
from werkzeug.routing import Map, Rule, RuleFactory
from werkzeug.routing.matcher import StateMachineMatcher

from newsletter.db import engines
from newsletter.editors import passwords
from tests.waiting import PATIENCE


class _Templates(FileSystemBytecodeCache):
    """Compiled templates: in memory, and in a folder that the workers of a run share."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self._compiled: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._compiled.get((bucket.key, bucket.checksum))
        if bucket.code is None:
            super().load_bytecode(bucket)
            self._remember(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        super().dump_bytecode(bucket)
        self._remember(bucket)

    def _remember(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._compiled[bucket.key, bucket.checksum] = bucket.code


class _Route(Rule):
    """Learns how to write its address when it is first asked for one; a test asks for few of them."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        learn, known = super()._compile_builder, []

        def build(rule: Rule, **values: Any) -> tuple[str, str]:
            known[:] = known or [learn(append_unknown)]
            return known[0](rule, **values)

        return build


_routes: dict[str, _Route] = {}
"""By all that they were told."""


def _route(path: str, **options: Any) -> _Route:
    """The route of an earlier app, if it is the same."""
    told = repr((path, options))
    if told not in _routes:
        _routes[told] = _Route(path, **options)
    return _routes[told]


class _Routes(Map):
    """Takes what an earlier app's map made of its routes, if all of them are the same."""

    _made: ClassVar[dict[tuple[int, ...], tuple[StateMachineMatcher, dict[Any, list[Rule]]]]] = {}

    def __init__(self, *args: Any, **options: Any) -> None:
        self._added: list[Rule] = []
        super().__init__(*args, **options)

    def add(self, rulefactory: RuleFactory) -> None:
        for rule in rulefactory.get_rules(self):
            if rule.map is None:
                rule.bind(self)
            self._added.append(rule)
        self._remap = True

    def update(self) -> None:
        with self._remap_lock:
            if self._remap:
                # No route is ever forgotten, so an id means one of them.
                key = tuple(map(id, self._added))
                self._matcher, self._rules_by_endpoint = self._made.get(key) or self._made.setdefault(key, self._make())
                self._remap = False

    def _make(self) -> tuple[StateMachineMatcher, dict[Any, list[Rule]]]:
        made = Map()
        for rule in self._added:
            made._matcher.add(rule)
            made._rules_by_endpoint.setdefault(rule.endpoint, []).append(rule)
        made.update()
        return made._matcher, made._rules_by_endpoint


_STATEMENTS = 2_000
"""More than the whole press has; all are kept once."""

_engines: dict[str, Engine] = {}


def _engine(url: str, **options: Any) -> Engine:
    """An engine that knows the statements that earlier ones on the same kind of database compiled.

    It gives no connection up because the machine is busy.
    """
    if "connect_timeout" in options["connect_args"]:
        options["connect_args"]["connect_timeout"] = PATIENCE
    engine = create_engine(url, query_cache_size=_STATEMENTS, **options)
    known = _engines.get(engine.dialect.name)
    if known is None or known.dialect.server_version_info is None:
        # A dialect has learnt what its server can do when an engine first connects.
        _engines[engine.dialect.name] = engine
    else:
        engine.dialect = engine.pool._dialect = known.dialect
        engine._compiled_cache = known._compiled_cache
    return engine


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing that is collected is garbage: not to look for it saves a quarter of that time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """What is here before the first test stays to the end: no search for garbage need go through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


EARNEST = passwords._hasher
"""What the press hashes passwords with."""

_prepare_sqlite = engines._prepare_sqlite


def _prepare_sqlite_in_haste(connection: Any, record: object) -> None:
    """No commit waits for the disk, for no test cuts the machine's power."""
    _prepare_sqlite(connection, record)
    connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture
def durable(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite in this process waits for the disk as in earnest."""
    monkeypatch.setattr(engines, "_prepare_sqlite", _prepare_sqlite)


@pytest.fixture(scope="session", autouse=True)
def _caches(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if xdist.is_xdist_worker(request) else base) / "templates"
    shared.mkdir(exist_ok=True)
    environment = partial(Environment, bytecode_cache=_Templates(shared))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "create_engine", _engine)
        patch.setattr(Flask, "jinja_environment", staticmethod(environment))
        patch.setattr(Flask, "url_rule_class", staticmethod(_route))
        patch.setattr(Flask, "url_map_class", _Routes)
        patch.setattr(engines, "_prepare_sqlite", _prepare_sqlite_in_haste)
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield
