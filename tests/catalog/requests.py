"""Requests of promoters, good unless a test changes them."""


def a_body(organisation, **changes):
    return {
        "organisation_id": str(organisation),
        "title": "Midsummer Night",
        "zone": "Europe/Stockholm",
        "doors_at": "2026-06-19T19:00:00+02:00",
        "starts_at": "2026-06-19T18:00:00Z",
        "ends_at": "2026-06-19T23:00:00Z",
        "currency": "SEK",
        **changes,
    }


def a_tier(**changes):
    return {"name": "Standing", "price_minor": 49_900, "quantity": 500, **changes}


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


def change(client, event, body, headers, version=None, tier=None):
    path = f"/v1/events/{event}" + (f"/tiers/{tier}" if tier else "")
    return client.patch(path, json=body, headers={**headers, **({"If-Match": version} if version else {})})
