"""Which of these tests are for the environment with lfx (see scripts/check.py), and which for the one without.

The folder is not called `langflow`, as lfwidget's is: lfx asks whether a package of that name can be imported.
"""

from importlib.util import find_spec

WITH_LFX = [
    "test_canaries.py",
    "test_local.py",
    "test_local_components.py",
    "test_local_starters.py",
    "test_python_of_starters.py",
]
WITHOUT_LFX = ["test_without_lfx.py"]

collect_ignore = WITHOUT_LFX if find_spec("lfx") else WITH_LFX
