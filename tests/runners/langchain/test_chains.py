"""What LCEL flows tell: every node by its place, in the order things happen."""

import asyncio
from operator import itemgetter

import pytest
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import (
    RunnableBranch,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
    chain,
)
from watched import Reply, run, run_well, says, watched

ASK = ChatPromptTemplate.from_template("tell {q}")
EARTH = {"q": "the Earth"}


class Shelf(BaseRetriever):
    def _get_relevant_documents(self, query, *, run_manager):
        return [Document(page_content=f"about {query}")]


def fails(*texts, **options):
    """A model that speaks one token and breaks."""
    return says(*(Reply(text, error=f"{text} broke", error_at=1) for text in texts), **options)


async def test_a_sequence_tells_every_step():
    over = await run_well(ASK | says("model") | StrOutputParser(), EARTH)
    assert over.told == [
        "start prompt#1",
        "finish prompt#1",
        "start model#1",
        "text model#1: model",
        "finish model#1",
        "start parser#1",
        "finish parser#1",
    ]
    assert over.output == over.kept["parser#1"] == "model"


async def test_a_lone_model_is_a_flow():
    over = await run_well(says("model"), "hi")
    assert over.told == ["start model#1", "text model#1: model", "finish model#1"]


async def test_names_that_repeat_are_numbered():
    again = RunnableLambda(lambda text: {"q": text}, name="again")
    over = await run_well(ASK | says("model") | StrOutputParser() | again | ASK | says("model-2"), EARTH)
    assert over.spoke == {"model": "model", "model-2": "model-2"}
    assert [line for line in over.told if line.startswith("start")] == [
        "start prompt#1",
        "start model#1",
        "start parser#1",
        "start again#1",
        "start prompt-2#1",
        "start model-2#1",
    ]


async def test_one_object_in_two_places_is_two_nodes():
    def of_the_prompt(question, messages):
        return question

    model = says("x").model_copy(update={"replies": of_the_prompt})
    first, second = ChatPromptTemplate.from_template("a/model"), ChatPromptTemplate.from_template("b/model")
    over = await run_well(RunnableParallel(a=first | model, b=second | model), {})
    assert over.spoke == {"a/model": "a/model", "b/model": "b/model"}


async def test_a_parallel_is_a_join_with_its_branches_inside_its_span():
    both = RunnableParallel(joke=ASK | says("joke/model"), poem=ASK | says("poem/model"), raw=RunnablePassthrough())
    over = await run_well(both, EARTH)
    assert over.spoke == {"joke/model": "joke/model", "poem/model": "poem/model"}
    assert over.told_of("poem/prompt", "poem/model") == [
        "start poem/prompt#1 in parallel#1",
        "finish poem/prompt#1",
        "start poem/model#1 in parallel#1",
        "text poem/model#1: poem/model",
        "finish poem/model#1",
    ]
    assert over.told_of("parallel") == ["start parallel#1", "finish parallel#1"]
    assert over.told_of("raw") == ["start raw#1 in parallel#1", "finish raw#1"]


async def test_parallels_lie_in_parallels():
    inner = RunnableParallel(x=ASK | says("out/x/model"), y=ASK | says("out/y/model"))
    over = await run_well(RunnableParallel(out=inner, side=ASK | says("side/model")), EARTH)
    assert sorted(over.spoke) == sorted(over.spoke.values())
    assert len(over.spoke) == 3


async def test_a_branch_tells_its_conditions_and_skips_what_was_not_taken():
    fork = RunnableBranch(
        (lambda given: "x" in given["q"], ASK | says("model")),
        (lambda given: "E" in given["q"], ASK | says("model-2")),
        ASK | says("model-3"),
    )
    over = await run_well(RunnablePassthrough() | fork | StrOutputParser(), EARTH)
    assert over.told == [
        "start passthrough#1",
        "finish passthrough#1",
        "start branch#1",
        "start branch/if-1#1 in branch#1",
        "finish branch/if-1#1",
        "start branch/if-2#1 in branch#1",
        "finish branch/if-2#1",
        "start prompt-2#1 in branch#1",
        "finish prompt-2#1",
        "start model-2#1 in branch#1",
        "text model-2#1: model-2",
        "finish model-2#1",
        "finish branch#1",
        "start parser#1",
        "finish parser#1",
        "skip prompt: not taken",
        "skip model: not taken",
        "skip prompt-3: not taken",
        "skip model-3: not taken",
    ]


async def test_a_branch_may_lie_in_a_key():
    fork = RunnableBranch((lambda given: True, ASK | says("a/model")), ASK | says("never"))
    over = await run_well(RunnableParallel(a=fork, b=ASK | says("b/model")), EARTH)
    assert over.spoke == {"a/model": "a/model", "b/model": "b/model"}
    assert over.told_of("a") == ["start a#1 in parallel#1", "finish a#1"]


async def test_assigned_keys_are_branches_of_a_join():
    given = RunnablePassthrough.assign(ctx=itemgetter("q") | Shelf(), n=lambda given: 3)
    over = await run_well(given | ChatPromptTemplate.from_template("{ctx} {n}") | says("model"), EARTH)
    assert over.told_of("assign") == ["start assign#1", "finish assign#1"]
    assert over.told_of("ctx/retriever") == ["start ctx/retriever#1 in assign#1", "finish ctx/retriever#1"]
    assert over.told_of("n") == ["start n#1 in assign#1", "finish n#1"]


async def test_assigns_follow_each_other():
    first = RunnablePassthrough.assign(a=ASK | says("a/model") | StrOutputParser())
    second = RunnablePassthrough.assign(b=ASK | says("b/model") | StrOutputParser())
    over = await run_well(first | second, EARTH)
    assert over.output == {"q": "the Earth", "a": "a/model", "b": "b/model"}
    assert over.spoke == {"a/model": "a/model", "b/model": "b/model"}


async def test_question_answering_over_documents():
    found = {"context": Shelf() | (lambda docs: docs[0].page_content), "q": RunnablePassthrough()}
    over = await run_well(found | ChatPromptTemplate.from_template("{context} {q}") | says("model"), "why")
    assert over.told_of("context/retriever") == [
        "start context/retriever#1 in parallel#1",
        "finish context/retriever#1",
    ]
    assert over.spoke == {"model": "model"}


async def test_a_name_on_the_whole_chain_is_the_flow_s_own():
    named = (ASK | says("model").with_config(run_name="writer")).with_config(run_name="Essay")
    over = watched(named)
    assert [node["id"] for node in over.runner.graph["nodes"]] == ["prompt", "writer"]
    assert over.runner.name == "Essay"
    await over.execute(EARTH)
    assert over.spoke == {"writer": "model"}


async def test_keys_picked_from_the_input():
    over = await run_well({"q": itemgetter("q")} | ASK | says("model"), EARTH)
    assert over.spoke == {"model": "model"}
    assert over.told_of("q") == ["start q#1 in parallel#1", "finish q#1"]


async def test_a_map_counts_its_items():
    many = RunnableLambda(lambda given: [{"q": "0"}, {"q": "1"}], name="split")
    over = await run_well(many | (ASK | says(*["each/model"] * 2)).map(), EARTH)
    assert over.told_of("each/model") == [
        "start each/model#1 in each#1 [0]",
        "start each/model#2 in each#1 [1]",
        "text each/model#1: each/model",
        "finish each/model#1",
        "text each/model#2: each/model",
        "finish each/model#2",
    ]


async def test_a_map_of_limited_width_keeps_the_index_of_each_item():
    items = [{"q": str(i)} for i in range(6)]
    echo = says("x").model_copy(update={"replies": lambda question: question.removeprefix("tell ")})
    over = await run_well((ASK | echo).map(), items, config={"max_concurrency": 2})
    index = {event["span"]: event["index"] for event in over.of_kind("node.started") if event["node"] == "each/model"}
    assert {index[event["span"]]: event["text"] for event in over.of_kind("node.delta")} == {
        i: str(i) for i in range(6)
    }


async def test_a_batch_inside_a_function_belongs_to_it():
    inner = ASK | says("x", "x", "x")

    def several(given):
        return inner.batch([given, given, given])

    over = await run_well(RunnableLambda(several), EARTH)
    assert over.told_of("several") == ["start several#1", "finish several#1"]
    assert len([line for line in over.told_of("several/model") if line.startswith("start")]) == 3
    assert over.state.node("several").text == "x"


async def test_a_function_that_returns_a_flow_runs_it_inside_itself():
    inner = ASK | says("inside")
    over = await run_well(RunnableLambda(lambda given: inner, name="router") | StrOutputParser(), EARTH)
    assert over.output == "inside"
    assert over.spoke == {"router/model": "inside"}
    assert "start router/model#1 in router#1" in over.told


async def test_a_decorated_function_is_one_card():
    @chain
    async def essay(given):
        outline = await (ASK | says("outline")).ainvoke(given)
        return await says("essay").ainvoke(outline.text)

    over = await run_well(essay, EARTH)
    assert over.output.text == "essay"
    assert over.told_of("essay") == ["start essay#1", "finish essay#1"]
    assert over.spoke == {"essay/model": "outlineessay"}


async def test_a_fallback_strikes_out_what_was_tried_before():
    model = fails("bad one").with_fallbacks([fails("worse one"), says("good")])
    over = await run_well(ASK | model | StrOutputParser(), EARTH)
    assert over.told_of("model", "model-2", "model-3") == [
        "start model#1",
        "text model#1: bad",
        "fail model#1: RuntimeError: bad one broke",
        "retract model#1",
        "start model-2#1",
        "text model-2#1: worse",
        "fail model-2#1: RuntimeError: worse one broke",
        "retract model-2#1",
        "start model-3#1",
        "text model-3#1: good",
        "finish model-3#1",
    ]


async def test_a_fallback_at_the_root_keeps_its_place():
    over = await run_well(fails("bad one").with_fallbacks([says("model-2")]), "hi")
    assert over.told == [
        "start model#1",
        "text model#1: bad",
        "fail model#1: RuntimeError: bad one broke",
        "retract model#1",
        "start model-2#1",
        "text model-2#1: model-2",
        "finish model-2#1",
    ]


async def test_a_chain_may_be_a_fallback():
    over = await run_well((ASK | fails("bad one")).with_fallbacks([ASK | says("model-2")]), EARTH)
    assert over.spoke == {"model": "bad", "model-2": "model-2"}
    assert [line for line in over.told if line.startswith("retract")] == ["retract prompt#1", "retract model#1"]


async def test_an_unused_fallback_is_skipped():
    over = await run_well(ASK | says("model").with_fallbacks([says("model-2")]), EARTH)
    assert over.skipped == {"model-2": "not taken"}


@pytest.mark.parametrize("key", ["a", "b"])
async def test_fallbacks_in_both_keys_of_a_parallel_do_not_meet(key):
    def tried(key):
        return fails(f"{key}/model one").with_fallbacks([says(f"{key}/model-2")])

    over = await run_well(RunnableParallel(a=ASK | tried("a"), b=ASK | tried("b")), EARTH)
    assert over.told_of(f"{key}/model", f"{key}/model-2") == [
        f"start {key}/model#1 in parallel#1",
        f"text {key}/model#1: {key}/model",
        f"fail {key}/model#1: RuntimeError: {key}/model one broke",
        f"retract {key}/model#1",
        f"start {key}/model-2#1 in parallel#1",
        f"text {key}/model-2#1: {key}/model-2",
        f"finish {key}/model-2#1",
    ]


async def test_a_bare_fallback_may_be_the_value_of_a_key():
    over = await run_well(RunnableParallel(a=fails("a one").with_fallbacks([says("a-2")]), b=says("b")), "hi")
    assert over.spoke == {"a": "a", "a-2": "a-2", "b": "b"}
    assert over.told_of("a-2")[0] == "start a-2#1 in parallel#1"


async def test_a_fallback_may_lie_in_a_branch():
    fork = RunnableBranch((lambda _: True, fails("bad one").with_fallbacks([says("model-2")])), says("model-3"))
    over = await run_well(fork, "hi")
    assert over.spoke == {"model": "bad", "model-2": "model-2"}
    assert over.skipped == {"model-3": "not taken"}


async def test_a_fallback_inside_a_function_belongs_to_the_function():
    tried = fails("bad one").with_fallbacks([says("good")])

    async def ask(question):
        return await tried.ainvoke(question)

    over = await run_well(RunnableLambda(ask), "hi")
    assert over.output.text == "good"
    assert over.spoke == {"ask/model": "badgood"}
    assert over.state.node("ask").text == "good"
    assert over.state.node("ask").status == "finished"


async def test_every_fallback_of_a_fan_out_strikes_out_its_own_attempt():
    tried = fails("bad one").with_fallbacks([says("good")])
    over = await run_well((ASK | tried).map(), [EARTH, EARTH])
    assert sorted(line for line in over.told if line.startswith("retract")) == [
        "retract each/model#1",
        "retract each/model#2",
    ]


async def test_a_model_that_is_retried_is_one_card_with_attempts():
    model = says(Reply("bad one", error="busy", error_at=1), "good").with_retry(wait_exponential_jitter=False)
    over = await run_well(ASK | model, EARTH)
    assert over.told_of("model") == [
        "start model#1",
        "text model#1: bad",
        "fail model#1: RuntimeError: busy",
        "retract model#1",
        "start model#2 try 2",
        "text model#2: good",
        "finish model#2",
    ]


async def test_a_chain_that_is_retried_starts_over():
    again = (ASK | says(Reply("bad one", error="busy", error_at=1), "good")).with_retry(wait_exponential_jitter=False)
    over = await run_well(again | StrOutputParser(), EARTH)
    assert over.told == [
        "start prompt#1",
        "finish prompt#1",
        "start model#1",
        "text model#1: bad",
        "fail model#1: RuntimeError: busy",
        "retract prompt#1",
        "retract model#1",
        "start prompt#2 try 2",
        "finish prompt#2",
        "start model#2 try 2",
        "text model#2: good",
        "finish model#2",
        "start parser#1",
        "finish parser#1",
    ]


async def test_the_last_attempt_of_a_retry_stands():
    model = fails("bad one").with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
    over = await run(ASK | model | StrOutputParser(), EARTH)
    assert str(over.error) == "bad one broke"
    assert [line for line in over.told if line.startswith(("retract", "fail"))] == [
        "fail model#1: RuntimeError: bad one broke",
        "retract model#1",
        "fail model#2: RuntimeError: bad one broke",
    ]
    assert over.state.node("model").status == "failed"


async def test_a_retry_that_gives_up_may_be_followed_by_a_fallback():
    model = fails("bad one").with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
    over = await run_well(ASK | model.with_fallbacks([says("model-2")]), EARTH)
    assert [line for line in over.told if line.startswith("retract")] == ["retract model#1", "retract model#2"]
    assert over.spoke == {"model": "badbad", "model-2": "model-2"}


async def test_two_runs_of_one_flow_at_once_do_not_meet():
    echo = says("x").model_copy(update={"replies": lambda question: question.removeprefix("tell ")})
    flow = ASK | echo
    first, second = watched(flow), watched(flow)
    second.runner = first.runner
    await asyncio.gather(first.execute({"q": "one"}, run_id="a"), second.execute({"q": "two"}, run_id="b"))
    assert first.spoke == {"model": "one"}
    assert second.spoke == {"model": "two"}
