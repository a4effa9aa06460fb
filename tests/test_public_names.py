import subprocess
import sys

import lfwidget as lf
from lfwidget import errors

PUBLIC = {"Flow", "Reply", "Run", "ScriptedModel", "options"} | set(errors.__all__)
PUBLIC |= {"RecordInfo", "RecordedModel", "RunComparison", "compare", "freeze", "open", "records"}
PUBLIC |= {"connect", "load_flow"}
PUBLIC |= {"Room", "join"}
HEAVY = {
    "httpx",
    "langchain_core",
    "langchain",
    "langgraph",
    "lfx",
    "starlette",
    "redis",
    "pydantic",
    "anywidget",
    "IPython",
    "jwt",
    "uvicorn",
    "websockets",
}


def test_the_public_names_are_complete():
    assert set(lf.__all__) == PUBLIC
    assert set(dir(lf)) >= PUBLIC


def test_each_of_them_is_there():
    assert all(getattr(lf, name) is not None for name in lf.__all__)


def test_a_name_that_is_not_there_is_said_not_to_be():
    assert not hasattr(lf, "Flwo")


def imported_by(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_importing_it_imports_nothing_heavy():
    assert imported_by("import lfwidget") & HEAVY == set()


def test_a_flow_can_be_named_before_langchain_is_needed():
    assert imported_by("from lfwidget import Flow, Run, options") & (HEAVY - {"pydantic"}) == set()


def test_a_gateway_has_nothing_that_could_run_a_flow():
    relayed = imported_by("import lfwidget.gateway.app, lfwidget.gateway.redis_store")
    assert relayed & {"langchain_core", "langchain", "langgraph", "lfx", "anywidget", "lfwidget.flow"} == set()


def test_every_error_is_one_of_ours():
    raised = {name for name in errors.__all__ if not name.endswith("Warning")}
    assert all(issubclass(getattr(errors, name), lf.LfwidgetError) for name in raised)
