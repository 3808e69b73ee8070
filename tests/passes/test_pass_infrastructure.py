"""Contexts, instruments, sequences, pipelines as text, and passes that plugins bring."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint

import pytest

from tests.support.passes import read
from tinyc.errors import UsageError
from tinyc.ir.graph import Graph, Node
from tinyc.ir.transform import (
    PASSES,
    Pass,
    PassContext,
    PrintIR,
    Sequential,
    Timing,
    VerifyAfter,
    all_passes,
    find_pass,
    graph_pass,
    parse_pipeline,
    passes_by_name,
)
from tinyc.ir.verifier import InvalidGraph
from tinyc.passes import DEFAULT_PIPELINE, CancelReshapes, DeadCode, FuseLuts
from tinyc.registry import Registry

NETWORK = """
    %x = input : int8[1,4] q(0.5;0)
    %unread = relu6(%x) : int8[1,4] q(0.5;0)
    %y = tanh(%x) : int8[1,4] q(0.0078125;0)
    return %y
"""


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Passes that a test registers are gone after it."""
    all_passes()
    monkeypatch.setattr(PASSES, "_items", dict(PASSES._items))
    monkeypatch.setattr(PASSES, "_owners", dict(PASSES._owners))
    yield


def demo() -> type[Pass]:
    """A registered pass with an option of every kind."""

    @graph_pass("demo", opt_level=3)
    @dataclass(frozen=True)
    class Demo(Pass):
        grid: tuple[int, ...] = (1, 1)
        ratio: float = 0.5
        count: int = 1
        deep: bool = False
        word: str = "none"

        def run(self, graph: Graph) -> bool:
            return False

    return Demo


@dataclass
class Recorder:
    """An instrument that writes down what it sees."""

    name: str
    log: list[str] = field(default_factory=list)

    def before(self, pass_: Pass, graph: Graph) -> None:
        self.log.append(f"{self.name} before {pass_} {len(graph.nodes)}")

    def after(self, pass_: Pass, graph: Graph, changed: bool) -> None:
        self.log.append(f"{self.name} after {pass_} {len(graph.nodes)} {changed}")


# ---------------------------------------------------------------------- which passes run
def ran(**context: object) -> list[str]:
    with PassContext(**context) as current:  # type: ignore[arg-type]
        Sequential((DeadCode(), CancelReshapes(), FuseLuts()))(read(NETWORK))
    return current.ran


def test_the_opt_level_chooses() -> None:
    assert ran(opt_level=0) == ["dead-code"]
    assert ran(opt_level=1) == ["dead-code", "cancel-reshapes"]
    assert ran(opt_level=2) == ran() == ["dead-code", "cancel-reshapes", "fuse-luts"]


def test_disabled_and_required_passes() -> None:
    assert ran(disabled_pass=["cancel-reshapes"]) == ["dead-code", "fuse-luts"]
    assert ran(opt_level=0, required_pass=["fuse-luts"]) == ["dead-code", "fuse-luts"]
    assert ran(disabled_pass=["fuse-luts"], required_pass=["fuse-luts"]) == ["dead-code", "cancel-reshapes"]


@pytest.mark.parametrize("option", ["disabled_pass", "required_pass"])
def test_an_unknown_name_is_an_error_that_suggests(option: str) -> None:
    with pytest.raises(UsageError) as error:
        PassContext(**{option: ["fuse-lut"]})  # type: ignore[arg-type]
    assert str(error.value) == "there is no pass 'fuse-lut'; did you mean fuse-luts?"


def test_a_name_like_no_other_lists_all() -> None:
    with pytest.raises(UsageError, match="there is no pass 'qqq'; there are: .*dead-code.*fuse-luts"):
        find_pass("qqq")


def test_contexts_nest_even_with_themselves() -> None:
    outer, inner = PassContext(opt_level=0), PassContext(opt_level=1)
    with outer:
        with inner, outer:
            assert PassContext.current() is outer
        assert PassContext.current() is outer
    assert PassContext.current() not in (outer, inner)


def test_a_pass_called_by_itself_runs_whatever_the_level() -> None:
    graph = read(NETWORK)
    with PassContext(opt_level=0) as context:
        assert FuseLuts()(graph) is graph
    assert context.ran == ["fuse-luts"]
    assert {node.op.name for node in graph.nodes} == {"lut"}


def test_a_context_keeps_the_graph_behind_the_last_pass_that_changed_numbers() -> None:
    @dataclass(frozen=True)
    class Doubling(Pass):
        """Claims to change numbers; does, where there is anything to do."""

        times: int = 1
        name, opt_level, changes_numbers = "doubling", 1, True

        def run(self, graph: Graph) -> bool:
            for _ in range(self.times):
                graph.outputs.append(graph.outputs[0])
            return self.times > 0

    graph = read(NETWORK)
    count = len(graph.outputs)
    with PassContext() as context:
        Sequential((DeadCode(), Doubling(0)))(graph)
        assert context.redefined is None
        Sequential((Doubling(1), Doubling(2), Doubling(0), FuseLuts()))(graph)
    assert context.redefined is not None and context.redefined.passes == ("doubling", "doubling{times=2}")
    assert len(context.redefined.graph.outputs) == count + 3
    assert {node.op.name for node in context.redefined.graph.nodes} != {"lut"} == {node.op.name for node in graph.nodes}


def test_the_default_pipeline_is_of_registered_passes() -> None:
    assert {type(p) for p in DEFAULT_PIPELINE} <= set(all_passes())
    assert passes_by_name(["dead-code", "fuse-luts"]) == (DeadCode(), FuseLuts())


# ---------------------------------------------------------------------- instruments
def test_instruments_see_every_pass_in_their_order() -> None:
    log: list[str] = []
    with PassContext(instruments=[Recorder("a", log), Recorder("b", log)]):
        Sequential((DeadCode(), CancelReshapes()))(read(NETWORK))
    assert log == [
        "a before dead-code 2", "b before dead-code 2",
        "a after dead-code 1 True", "b after dead-code 1 True",
        "a before cancel-reshapes 1", "b before cancel-reshapes 1",
        "a after cancel-reshapes 1 False", "b after cancel-reshapes 1 False",
    ]  # fmt: skip


def test_timing_has_one_entry_per_run() -> None:
    timing = Timing()
    with PassContext(instruments=[timing]):
        Sequential((DeadCode(), DeadCode()))(read(NETWORK))
    assert [name for name, _ in timing.seconds] == ["dead-code", "dead-code"]
    assert all(seconds >= 0 for _, seconds in timing.seconds)


def test_printing_shows_what_changed() -> None:
    written: list[str] = []
    with PassContext(instruments=[PrintIR(written.append)]):
        Sequential((DeadCode(), CancelReshapes()))(read(NETWORK))
    (text,) = written
    assert text.startswith("// after dead-code\ngraph @g {\n")
    assert "unread" not in text


def test_printing_around_named_passes() -> None:
    written: list[str] = []
    names = frozenset({"cancel-reshapes"})
    with PassContext(instruments=[PrintIR(written.append, after_passes=names, before_passes=names)]):
        Sequential((DeadCode(), CancelReshapes()))(read(NETWORK))
    headings = [text.splitlines()[0] for text in written]
    assert headings == ["// before cancel-reshapes", "// after cancel-reshapes"]


def test_verification_names_the_guilty_pass() -> None:
    @graph_pass("break-types")
    @dataclass(frozen=True)
    class BreakTypes(Pass):
        def run(self, graph: Graph) -> bool:
            graph.retype(graph.outputs[0], graph.outputs[0].type.with_shape((2, 2)))
            return True

    with PassContext(instruments=[VerifyAfter()]), pytest.raises(InvalidGraph) as error:
        Sequential((DeadCode(), BreakTypes(), FuseLuts()))(read(NETWORK))
    assert str(error.value).startswith("after pass break-types: graph 'g':")


def test_rewrites_that_undo_each_other_are_stopped() -> None:
    @graph_pass("restless")
    @dataclass(frozen=True)
    class Restless(Pass):
        def rewrite(self, node: Node, graph: Graph) -> bool:
            graph.replace(node)
            return True

    with pytest.raises(RuntimeError, match="pass restless found no end in 1000 sweeps"):
        Restless().run(read(NETWORK))


# ---------------------------------------------------------------------- pipelines as text
@pytest.mark.parametrize(
    "text",
    [
        "",
        "dead-code",
        "dead-code,fuse-luts,dead-code",
        "demo{grid=2x3}",
        "demo{grid=4,ratio=0.25,count=-3,deep=true,word=some},dead-code",
    ],
)
def test_a_pipeline_round_trips(text: str) -> None:
    demo()
    assert ",".join(map(str, parse_pipeline(text))) == text


def test_options_become_fields() -> None:
    cls = demo()
    (found,) = parse_pipeline(" demo { grid=2x3 , ratio=1e-3, deep=false } ")
    assert found == cls(grid=(2, 3), ratio=1e-3)  # type: ignore[call-arg]
    assert str(found) == "demo{grid=2x3,ratio=0.001}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dead-cod", "there is no pass 'dead-cod'; did you mean dead-code?"),
        ("demo{gird=2x2}", "pass 'demo' has no option 'gird'; it has: grid, ratio, count, deep, word"),
        ("dead-code{x=1}", "pass 'dead-code' has no option 'x'; it has: none"),
        ("demo{grid=2y2}", "pass 'demo': cannot read grid='2y2'; its default is 1x1"),
        ("demo{deep=yes}", "pass 'demo': cannot read deep='yes'; its default is false"),
        ("demo{count=1.5}", "pass 'demo': cannot read count='1.5'; its default is 1"),
        ("demo{ratio=half}", "pass 'demo': cannot read ratio='half'; its default is 0.5"),
        ("demo{count=1,count=2}", "pass 'demo': the option 'count' is given twice; give it once"),
        ("dead-code fuse-luts", "cannot read the pipeline at 'dead-code fuse-luts'; "
         "expected name{option=value},name,…"),
        ("dead-code,Fuse", "cannot read the pipeline at 'Fuse'; expected name{option=value},name,…"),
    ],
)
def test_mistakes_in_a_pipeline_are_sentences(text: str, message: str) -> None:
    demo()
    with pytest.raises(UsageError) as error:
        parse_pipeline(text)
    assert str(error.value) == message


# ---------------------------------------------------------------------- passes of others
def install_plugin(monkeypatch: pytest.MonkeyPatch, registry: Registry[type[Pass]], value: str) -> None:
    """Let an entry point of the group appear, as an installed package brings it."""
    points = [EntryPoint("extra", value, registry.group)]
    found = {registry.group: points}
    monkeypatch.setattr("tinyc.registry.entry_points", lambda group: found.get(group, []))
    monkeypatch.setattr(registry, "_plugins_loaded", False)


def plugin_module(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, name: str, pass_name: str
) -> None:
    """A module of another package that registers a pass."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / f"{name}.py").write_text(
        "from dataclasses import dataclass\n"
        "from tinyc.ir.transform import Pass, graph_pass\n"
        f"@graph_pass({pass_name!r})\n"
        "@dataclass(frozen=True)\n"
        "class Theirs(Pass):\n"
        "    def run(self, graph): return False\n"
    )
    monkeypatch.syspath_prepend(folder)


def test_a_plugin_brings_a_pass(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plugin_module(monkeypatch, tmp_path_factory, "plugin_new", "their-pass")
    install_plugin(monkeypatch, PASSES, "plugin_new")
    assert [str(p) for p in parse_pipeline("dead-code,their-pass")] == ["dead-code", "their-pass"]
    assert PASSES.owner("their-pass") == "plugin_new"
    assert "their-pass" in [cls.name for cls in all_passes()]


def test_two_passes_of_one_name_name_both_owners(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plugin_module(monkeypatch, tmp_path_factory, "plugin_duplicate", "dead-code")
    install_plugin(monkeypatch, PASSES, "plugin_duplicate")
    owners = "'dead-code': one from tinyc.passes.dead_code, one from plugin_duplicate. Rename or uninstall"
    with pytest.raises(UsageError, match=re.escape(owners)):
        find_pass("fuse-luts")


def test_a_plugin_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    install_plugin(monkeypatch, PASSES, "plugin_that_is_not_there:Missing")
    with pytest.raises(UsageError, match=r"the plugin 'extra' \(plugin_that_is_not_there:Missing, group"):
        find_pass("fuse-luts")
