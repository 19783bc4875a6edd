"""What scripts/start plays before the reader's eyes."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_whole_story_holds(story):
    story.play()
    assert story.stage.failed == 0
    assert story.stage.held >= 25


def test_the_demo_is_a_client_and_imports_nothing_of_the_backend():
    for file in (ROOT / "scripts" / "demo").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] not in {"backend", "indexer", "tests"}, f"{file.name} imports {name}"
