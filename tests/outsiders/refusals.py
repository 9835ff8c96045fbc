"""Tables of refusals: each case is a call that must fail, with AWS's status, code and message.

The source beside each text is the section of the project's fact sheet on IAM and STS (iam-sts),
which names the page of AWS's documentation or the observation behind it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from bastion import World
from wire import Answer


@dataclass(frozen=True)
class Case:
    """A call and how AWS refuses it."""

    source: str
    status: int | tuple[int, ...]
    code: str
    message: str | re.Pattern
    call: Callable[[World], Answer | tuple[Answer, dict]]
    own_sandbox: bool

    def check(self, world: World):
        answer = self.call(world)
        answer, words = answer if isinstance(answer, tuple) else (answer, {})
        statuses = self.status if isinstance(self.status, tuple) else (self.status,)
        told = f"{answer.status} {answer.code}: {answer.message!r} ({self.source})"
        assert answer.status in statuses, told
        assert answer.code == self.code, told
        if isinstance(self.message, re.Pattern):
            assert self.message.fullmatch(answer.message), f"{told} is not {self.message.pattern}"
        else:
            expected = self.message.format(**words) if words else self.message
            assert answer.message == expected, f"{told} is not {expected!r}"


class Table:
    """Collects the cases of one test module."""

    def __init__(self):
        self.cases: list[Case] = []

    def refusal(self, source: str, status, code: str, message, own_sandbox: bool = False):
        """Registers the function below as a case; what it returns is the refusal's answer."""

        def register(call):
            self.cases.append(Case(source, status, code, message, call, own_sandbox))
            return call

        return register

    def parametrize(self):
        """Runs one test per case; the test takes `case` and `request`."""
        return pytest.mark.parametrize("case", self.cases, ids=[case.call.__name__ for case in self.cases])


def check(case: Case, request):
    """In a sandbox of its own where the case moves the clock."""
    case.check(request.getfixturevalue("own_world" if case.own_sandbox else "world"))
