"""The policy evaluator against another one, on random cases; AWS's documentation decides where they differ."""

import collections
import json
import os
import pathlib
import subprocess

import pytest

from policy_cases import Cases
from policy_corrections import corrected, ruled_out
from sandbox import postern_binary

SIMULATOR = pathlib.Path(__file__).with_name("iam_simulate.mjs")
# More by hand: POSTERN_POLICY_CASES=100000 POSTERN_POLICY_SEED=7 ./test outsiders
COUNT = int(os.environ.get("POSTERN_POLICY_CASES", "4000"))
SEED = int(os.environ.get("POSTERN_POLICY_SEED", "1"))


def answers(command: list, cases: list) -> list:
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    found = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=1200)
    read = [json.loads(line) for line in found.stdout.splitlines()]
    assert [answer["id"] for answer in read] == [case["id"] for case in cases], found.stderr
    wrong = [(answer, case) for answer, case in zip(read, cases) if "error" in answer]
    assert not wrong, f"{command[0]} refuses {json.dumps(wrong[0])}"
    return [answer["decision"] for answer in read]


def ours(cases: list) -> list:
    return answers([postern_binary(), "policy", "eval", "--cases", "-"], cases)


def theirs(cases: list) -> list:
    return answers(["node", str(SIMULATOR)], cases)


@pytest.mark.skipif("POSTERN_IAM_SIMULATE" not in os.environ, reason="iam-simulate is not installed")
def test_disagreements_with_iam_simulate_are_its_documented_errors(capsys):
    source = Cases(SEED)
    cases = [source.next() for _ in range(COUNT)]
    decisions = ours(cases)
    assert len(set(decisions)) == 3
    differing = []
    for case, our, their in zip(cases, decisions, theirs(cases)):
        if ruled_out(case):
            assert our != "Allowed", json.dumps(case)
        elif our != their:
            differing.append((case, our, their))
    rewritten = [corrected(case) for case, *_ in differing]
    around = [case for case, _ in rewritten]
    counts, wrong = collections.Counter(), []
    for (case, our, their), (_, names), our_again, their_again in zip(differing, rewritten, ours(around), theirs(around)):
        if not names or (our_again, their_again) != (our, our):
            wrong.append(f"ours {our}, theirs {their}; around {names} {our_again}, {their_again}: {json.dumps(case)}")
        counts.update(names)
    assert not wrong, f"{len(wrong)} not explained by known errors, such as\n" + "\n".join(wrong[:5])
    with capsys.disabled():
        print(f"\n{len(cases)} policy cases, {len(differing)} differ, each by a documented error: {dict(counts)}")
    # All but a few per cent must be decided alike without any rewriting.
    assert len(differing) < len(cases) // 8
