"""The examples in the docstrings are true; run here, since the installed package is what counts."""

import doctest
import importlib
import pkgutil

import pytest

import live_edges

MODULES = [
    module.name
    for module in pkgutil.walk_packages(live_edges.__path__, "live_edges.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name):
    outcome = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE
    )

    assert outcome.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    modules = map(importlib.import_module, MODULES)

    assert sum(bool(test.examples) for module in modules for test in finder.find(module)) >= 5
