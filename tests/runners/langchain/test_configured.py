"""What a config decides: the history of a session, the alternative that is chosen, a field of a model."""

import pytest
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory
from watched import run_well, says

ASK = ChatPromptTemplate.from_template("tell {q}")
EARTH = {"q": "the Earth"}


@pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")
async def test_history_is_kept_round_a_chain():
    histories = {}
    remembering = RunnableWithMessageHistory(
        ChatPromptTemplate.from_messages([("placeholder", "{history}"), ("human", "{q}")]) | says("model"),
        lambda session_id: histories.setdefault(session_id, InMemoryChatMessageHistory()),
        input_messages_key="q",
        history_messages_key="history",
    )
    over = await run_well(remembering, EARTH, session_id="me", config={"configurable": {"session_id": "me"}})
    assert len(histories["me"].messages) == 2
    assert over.state.text == "model"
    assert all(node.status == "finished" for node in over.state.nodes.values() if node.has_card)


async def test_alternatives_are_drawn_as_they_are_chosen():
    model = says("first").configurable_alternatives(
        ConfigurableField(id="who"), default_key="first", second=says("second")
    )
    over = await run_well(ASK | model, EARTH, config={"configurable": {"who": "second"}})
    assert over.spoke == {"model": "second"}
    over = await run_well(ASK | model, EARTH)
    assert over.spoke == {"model": "first"}


@pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")
async def test_what_a_history_wraps_is_told_as_it_is():
    histories = {}
    prompt = ChatPromptTemplate.from_messages([("placeholder", "{history}"), ("human", "{q}")])
    remembering = RunnableWithMessageHistory(
        prompt | says("model"),
        lambda session_id: histories.setdefault(session_id, InMemoryChatMessageHistory()),
        input_messages_key="q",
        history_messages_key="history",
    )
    over = await run_well(remembering | StrOutputParser(), EARTH, config={"configurable": {"session_id": "me"}})
    assert over.told_of("prompt", "model", "parser") == [
        "start prompt#1",
        "finish prompt#1",
        "start model#1",
        "text model#1: model",
        "finish model#1",
        "start parser#1",
        "finish parser#1",
    ]
    assert (over.skipped, over.of_kind("graph.changed")) == ({}, [])


@pytest.mark.parametrize(
    "bind",
    [
        lambda model: (ASK | model).with_config(configurable={"who": "second"}),
        lambda model: ASK | model.with_retry().with_config(configurable={"who": "second"}),
        lambda model: (ASK | model.with_config(configurable={"who": "first"})).with_config(
            configurable={"who": "second"}
        ),
    ],
)
async def test_a_bound_alternative_runs_on_its_own_cards(bind):
    model = says("first").configurable_alternatives(
        ConfigurableField(id="who"), default_key="first", second=RunnableLambda(str) | says("second")
    )
    over = await run_well(bind(model), EARTH)
    assert over.spoke == {"model": "second"}
    assert over.told_of("str") == ["start str#1", "finish str#1"]
    assert over.skipped == {}


async def test_a_configurable_field_leaves_the_model_where_it_is():
    model = says("model").configurable_fields(tokens_per_second=ConfigurableField(id="pace"))
    over = await run_well(ASK | model, EARTH, config={"configurable": {"pace": 100_000.0}})
    assert over.spoke == {"model": "model"}
