"""A function for detours to be laid around."""


def double(number: int, *, plus: int = 0) -> int:
    return 2 * number + plus


def outer(number: int):
    def inner() -> int:
        return number

    return inner


closed = outer(3)
