"""What does not exist has no empty list: it is not found."""

from uuid import uuid4

import pytest


@pytest.mark.parametrize(
    ("path", "code"), [("/v1/events/{}/listings", "unknown_event"), ("/v1/tickets/{}/offers", "ticket_unknown")]
)
def test_lists_of_what_does_not_exist_are_not_found(client, path, code):
    answer = client.get(path.format(uuid4()))
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)
