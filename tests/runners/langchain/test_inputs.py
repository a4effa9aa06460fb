"""What a flow asks for, and what becomes of what somebody typed."""

import operator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.messages import HumanMessage
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.runnables.history import RunnableWithMessageHistory
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import BaseModel
from watched import run_well, says

from lfwidget.errors import InputError
from lfwidget.runners.langchain.inputs import InputShape

ASK = ChatPromptTemplate.from_template


class Plain(TypedDict):
    question: str
    steps: int
    found: Annotated[list[Any], operator.add]


class Checked(BaseModel):
    topic: str
    tone: Literal["dry", "warm"] = "dry"
    words: int = 100
    rhyme: bool = False
    score: float | None = None


@dataclass
class Record:
    topic: str
    answer: str = ""


class Exotic(TypedDict):
    text: str
    thing: object
    lock: "type[int]"


class Chat(MessagesState):
    summary: str


def graph_of(state):
    graph = StateGraph(state)
    graph.add_node("work", lambda state: {})
    graph.add_edge(START, "work")
    return graph.compile()


def fields_of(runnable):
    return [(field["name"], field["type"], field["required"]) for field in InputShape.of(runnable).form["fields"]]


def test_one_variable_is_one_text_box():
    shape = InputShape.of(ASK("tell {q}") | says("x"))
    assert shape.form == {"kind": "text", "fields": [], "examples": []}
    assert shape.to_input("the Earth") == {"q": "the Earth"}


def test_two_variables_are_two_fields():
    flow = ASK("tell {q} in {n} words") | says("x")
    assert fields_of(flow) == [("n", "text", True), ("q", "text", True)]
    assert InputShape.of(flow).to_input({"q": "a", "n": 3}) == {"q": "a", "n": 3}


def test_one_text_for_two_variables_is_refused_by_name():
    with pytest.raises(InputError, match="`n` and `q`") as refused:
        InputShape.of(ASK("tell {q} in {n} words")).to_input("a")
    assert refused.value.fields == ("n", "q")


def test_a_missing_variable_is_named():
    with pytest.raises(InputError, match="lacks `n`") as refused:
        InputShape.of(ASK("tell {q} in {n} words")).to_input({"q": "a"})
    assert refused.value.fields == ("n",)


def test_a_variable_filled_in_beforehand_is_not_asked_for():
    flow = PromptTemplate.from_template("tell {q} in {n} words").partial(n="3") | says("x")
    assert InputShape.of(flow).to_input("a") == {"q": "a"}


def test_a_variable_may_be_called_root():
    assert InputShape.of(ASK("dig for the {root}")).to_input("carrot") == {"root": "carrot"}


def test_a_placeholder_for_messages_may_stay_empty():
    prompt = ChatPromptTemplate.from_messages([("placeholder", "{history}"), ("human", "{q}")])
    assert InputShape.of(prompt | says("x")).to_input("a") == {"q": "a"}


def test_text_for_a_placeholder_becomes_a_message():
    prompt = ChatPromptTemplate.from_messages([("placeholder", "{history}"), ("human", "{q}")])
    given = InputShape.of(prompt | says("x")).to_input({"q": "a", "history": "before"})
    assert given["history"] == [HumanMessage("before")]


FOUND = {"context": RunnableLambda(lambda question: question), "question": RunnablePassthrough()}


@pytest.mark.parametrize(
    "flow", [says("x"), RunnableLambda(len), RunnablePassthrough() | says("x"), FOUND | ASK("{context} {question}")]
)
def test_what_takes_text_takes_it_as_it_is(flow):
    shape = InputShape.of(flow)
    assert shape.form["kind"] == "text"
    assert shape.to_input("hi") == "hi"


@pytest.mark.parametrize("flow", [create_agent(says("x"), []), graph_of(MessagesState), graph_of(Chat)])
def test_a_state_with_messages_takes_text_as_the_user_s_message(flow):
    shape = InputShape.of(flow)
    assert shape.form["kind"] == "text"
    assert shape.to_input("hi") == {"messages": [HumanMessage("hi")]}
    assert shape.to_input({"messages": []}) == {"messages": []}


def test_a_state_of_plain_typing_is_read_and_requires_nothing():
    assert fields_of(graph_of(Plain)) == []
    shape = InputShape.of(graph_of(Plain))
    assert [(field["name"], field["type"]) for field in shape.fields] == [
        ("question", "text"),
        ("steps", "integer"),
        ("found", "json"),
    ]
    assert shape.to_input("why") == {"question": "why"}
    assert shape.to_input({"steps": 1}) == {"steps": 1}


def test_a_state_of_pydantic_says_what_it_requires_and_offers():
    flow = graph_of(Checked)
    assert fields_of(flow) == []
    shape = InputShape.of(flow)
    assert [(field["name"], field["type"], field["required"]) for field in shape.fields] == [
        ("topic", "text", True),
        ("tone", "choice", False),
        ("words", "integer", False),
        ("rhyme", "boolean", False),
        ("score", "number", False),
    ]
    assert shape.fields[1]["choices"] == ["dry", "warm"]
    assert shape.fields[2]["default"] == 100
    assert shape.to_input("rain") == {"topic": "rain"}


def test_a_state_of_a_dataclass_is_read():
    assert InputShape.of(graph_of(Record)).to_input("rain") == {"topic": "rain"}


def test_a_key_of_a_strange_type_hides_no_other():
    assert "text" in [field["name"] for field in InputShape.of(graph_of(Exotic)).fields]


def test_a_graph_behind_a_name_is_read_all_the_same():
    assert InputShape.of(graph_of(Plain).with_config(run_name="named")).to_input("why") == {"question": "why"}


@pytest.mark.parametrize(("name", "value"), [("words", "many"), ("rhyme", "maybe"), ("score", [1])])
def test_a_value_of_the_wrong_type_is_refused_by_name(name, value):
    with pytest.raises(InputError, match=f"`{name}` is to be") as refused:
        InputShape.of(graph_of(Checked)).to_input({"topic": "rain", name: value})
    assert refused.value.fields == (name,)


def test_nothing_in_a_field_that_is_not_required_is_fine():
    given = {"topic": "rain", "score": None}
    assert InputShape.of(graph_of(Checked)).to_input(given) == given


def test_what_is_neither_text_nor_values_is_passed_through():
    message = [HumanMessage("hi")]
    assert InputShape.of(ASK("tell {q}") | says("x")).to_input(message) is message


def test_a_runnable_that_cannot_tell_takes_text():
    class Mute(RunnableLambda):
        def get_input_schema(self, config=None):
            raise RuntimeError("no schema")

    assert InputShape.of(Mute(len)).form["kind"] == "text"


async def test_the_converted_input_is_what_the_flow_takes():
    graph = graph_of(Plain)
    over = await run_well(graph, InputShape.of(graph).to_input("why"))
    assert over.output["question"] == "why"


@pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")
@pytest.mark.parametrize(
    ("template", "keys"),
    [
        (
            [("placeholder", "{history}"), ("human", "{q}")],
            {"input_messages_key": "q", "history_messages_key": "history"},
        ),
        ([("placeholder", "{q}")], {"input_messages_key": "q"}),
        (None, {}),
    ],
)
async def test_a_history_takes_typed_text(template, keys):
    histories = {}
    model = says("heard")
    flow = RunnableWithMessageHistory(
        ChatPromptTemplate.from_messages(template) | model if template else model,
        lambda session_id: histories.setdefault(session_id, InMemoryChatMessageHistory()),
        **keys,
    )
    shape = InputShape.of(flow)
    assert shape.form["kind"] == "text"
    for _ in range(2):
        await run_well(flow, shape.to_input("hello"), config={"configurable": {"session_id": "me"}})
    assert [message.content for message in histories["me"].messages] == ["hello", "heard", "hello", "heard"]
