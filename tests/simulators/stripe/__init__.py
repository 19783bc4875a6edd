"""A simulator of the part of Stripe that Backstage calls. It moves no money and says so on every answer.

It covers: Checkout Sessions (create, retrieve, expire, list), PaymentIntents (retrieve), Refunds (create, retrieve),
Events (list, retrieve), idempotency keys, a page to pay on, and signed webhooks with retries. Anything else is a 404,
and an unknown parameter a 400, so that a call we start to make is noticed here first.

    python -m tests.simulators.stripe --port 12111 --webhook-url URL --webhook-secret whsec_... [--state FILE]
"""
