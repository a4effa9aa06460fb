"""Parameters for one run only."""

import pytest
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import (
    ConfigurableField,
    RunnableBranch,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
)
from langgraph.graph import START, MessagesState, StateGraph
from watched import run, run_well, says

from lfwidget.errors import InputError, UnknownNameError

ASK = ChatPromptTemplate.from_template("tell {q}")
EARTH = {"q": "the Earth"}
COLD = {"temperature": 0.0}


class Thermometer(BaseChatModel):
    """Says how warm it is."""

    temperature: float = 0.7
    scale: str = ""

    @property
    def _llm_type(self):
        return "thermometer"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        said = str(kwargs.get("temperature", self.temperature)) + self.scale
        return ChatResult(generations=[ChatGeneration(message=AIMessage(said))])


@pytest.mark.parametrize(
    ("flow", "node"),
    [
        (ASK | Thermometer(), "model"),
        (ASK | Thermometer().bind(stop=["x"]), "model"),
        (ASK | Thermometer().bind(temperature=0.3), "model"),
        (ASK | Thermometer().with_retry(), "model"),
        (ASK | Thermometer().with_fallbacks([says("never")]), "model"),
        (ASK | Thermometer().with_config(run_name="writer"), "writer"),
        (RunnableParallel(a=ASK | Thermometer(), b=ASK), "a/model"),
        (RunnablePassthrough.assign(a=ASK | Thermometer()), "a/model"),
        ((lambda given: [given]) | (ASK | Thermometer()).map(), "each/model"),
        (RunnableBranch((lambda given: True, ASK | Thermometer()), ASK | says("never")), "model"),
        (RunnableBranch((lambda given: False, says("never")), ASK | Thermometer()), "model-2"),
        (ASK | Thermometer().configurable_fields(temperature=ConfigurableField(id="t")), "model"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
async def test_a_parameter_holds_for_one_run_wherever_the_model_lies(flow, node):
    over = await run_well(flow, EARTH, tweaks={node: COLD})
    assert over.spoke[node] == "0.0"


async def test_a_lone_model_may_be_tweaked():
    assert (await run_well(Thermometer(), "hi", tweaks={"model": COLD})).spoke == {"model": "0.0"}


async def test_the_next_run_is_as_before():
    model = Thermometer()
    flow = ASK | model
    assert (await run_well(flow, EARTH, tweaks={"model": COLD})).state.text == "0.0"
    assert (await run_well(flow, EARTH)).state.text == "0.7"
    assert model.temperature == 0.7


async def test_only_the_named_place_of_a_shared_model_is_tweaked():
    model = Thermometer()
    over = await run_well(RunnableParallel(a=ASK | model, b=ASK | model), EARTH, tweaks={"a/model": COLD})
    assert over.spoke == {"a/model": "0.0", "b/model": "0.7"}


async def test_what_reaches_the_provider_is_the_tweak(openai_server):
    flow = ASK | openai_server.chat(temperature=1.0)
    await run_well(flow, EARTH, tweaks={"model": {"temperature": 0.25, "model": "other"}})
    assert (openai_server.requests[0]["temperature"], openai_server.requests[0]["model"]) == (0.25, "other")
    await run_well(flow, EARTH)
    assert (openai_server.requests[1]["temperature"], openai_server.requests[1]["model"]) == (1.0, "test-model")


async def test_a_parameter_that_counts_only_at_the_beginning_counts(openai_server):
    flow = ASK | openai_server.chat(base_url="http://127.0.0.1:9/v1")
    over = await run_well(flow, EARTH, tweaks={"model": {"base_url": openai_server.url}})
    assert over.state.text == "Hello, world"


async def test_the_template_of_a_prompt_may_be_tweaked():
    flow = PromptTemplate.from_template("tell {q}") | (lambda prompt: prompt.text)
    over = await run_well(flow, EARTH, tweaks={"prompt": {"template": "sing of {q}"}})
    assert over.output == "sing of the Earth"


async def test_an_unknown_parameter_is_refused_before_anything_runs():
    over = await run(ASK | Thermometer(), EARTH, tweaks={"model": {"temprature": 0}})
    assert isinstance(over.error, UnknownNameError)
    assert over.error.nearest == "temperature"
    assert over.told == []


async def test_an_unknown_node_is_refused_with_the_nearest():
    over = await run(ASK | Thermometer(), EARTH, tweaks={"modl": COLD})
    assert isinstance(over.error, UnknownNameError)
    assert over.error.nearest == "model"


async def test_a_value_of_the_wrong_type_is_refused():
    over = await run(ASK | Thermometer(), EARTH, tweaks={"model": {"temperature": "hot"}})
    assert isinstance(over.error, InputError)
    assert "temperature" in str(over.error)
    assert over.told == []


CHOSEN = {"who": "second"}


@pytest.mark.parametrize(
    ("bind", "said"),
    [
        (lambda model: ASK | model, "0.0 C"),
        (lambda model: ASK | model.with_config(configurable=CHOSEN), "0.0 F"),
        (lambda model: (ASK | model).with_config(configurable=CHOSEN), "0.0 F"),
        (lambda model: (ASK | model.with_retry()).with_config(configurable=CHOSEN), "0.0 F"),
    ],
)
async def test_the_alternative_that_is_chosen_is_tweaked(bind, said):
    model = Thermometer(scale=" C").configurable_alternatives(
        ConfigurableField("who"), default_key="first", second=Thermometer(scale=" F")
    )
    over = await run_well(bind(model), EARTH, tweaks={"model": COLD})
    assert over.output.content == said


async def test_a_function_says_what_is_possible_instead():
    over = await run(RunnableLambda(len, name="count"), "hi", tweaks={"count": {"x": 1}})
    assert isinstance(over.error, InputError)
    assert "configurable" in str(over.error)


async def test_a_node_of_a_graph_says_what_is_possible_instead():
    graph = StateGraph(MessagesState)
    graph.add_node("chat", lambda state: {})
    graph.add_edge(START, "chat")
    over = await run(graph.compile(), {"messages": []}, tweaks={"chat": COLD})
    assert isinstance(over.error, InputError)
    assert over.error.fields == ("chat",)
