"""/docs shows itself with nothing but what this API serves."""

import re

import pytest

ASSETS = {"/docs/assets/swagger-ui-bundle.js": "javascript", "/docs/assets/swagger-ui.css": "css"}


@pytest.fixture
def page(client):
    answer = client.get("/docs")
    assert answer.status_code == 200
    return answer


def test_what_the_page_loads_is_served_here(client, page):
    loaded = set(re.findall(r"""(?:src|href)=["']([^"']+)""", page.text))
    assert loaded == {*ASSETS, "/docs/assets/favicon.png"}
    for path in loaded:
        answer = client.get(path)
        assert answer.status_code == 200 and len(answer.content) > 1_000, path
        assert ASSETS.get(path, "image") in answer.headers["content-type"]
    assert "SwaggerUIBundle" in client.get("/docs/assets/swagger-ui-bundle.js").text
    assert client.get("/openapi.json").json()["info"]["title"] == "Backstage"
    assert "url: '/openapi.json'" in page.text


def test_the_page_names_no_other_host_and_the_browser_would_ask_none(page):
    assert "://" not in page.text
    assert '"validatorUrl": null' in page.text
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert not any("*" in sources or "://" in sources for sources in policy.values())


@pytest.mark.parametrize(
    "path", ["/docs/assets/../__init__.py", "/docs/assets/nothing.js", "/docs/assets/%2e%2e/core.py"]
)
def test_nothing_else_of_the_package_is_served(client, path):
    assert client.get(path).status_code == 404
